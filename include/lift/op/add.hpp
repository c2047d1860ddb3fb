// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::op {

/// y = a + b, equal shapes;  dy = da + db,  Jᵀw = (w, w).
struct add {
  static constexpr const char* name = "add";
  static constexpr std::size_t inputs = 2;

  shape output_shape(const shape& a, const shape& b) const {
    require(a == b, "add", b, a);
    return a;
  }

  template <class Tensor>
  auto forward(const Tensor& a, const Tensor& b) const {
    output_shape(a.shape(), b.shape());
    return evaluation{sum_of(a, b), 0};
  }
  template <class Tensor>
  Tensor jvp(int, const tangents<Tensor, 2>& dx) const {
    Tensor dy = dx[0];
    accumulate(dy, dx[1]);
    return dy;
  }
  template <class Tensor>
  tangents<Tensor, 2> vjp(int, const Tensor& w, const selection<2>&) const {
    return {w, w};
  }
};

}  // namespace lift::op
