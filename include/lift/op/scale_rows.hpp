// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::op {

/// y = s_i·x for every image i of a batch, x (B, …) and s (B).
/// dy = s_i·dx + ds_i·x,  Jᵀw = (s_i·w, Σ w·x over image i). Tangents of x alone may be stacked.
struct scale_rows {
  static constexpr const char* name = "scale_rows";
  static constexpr std::size_t inputs = 2;

  shape output_shape(const shape& x, const shape& s) const {
    require(s == shape{x[0]}, "scale_rows: shape of the numbers of the images", s, shape{x[0]});
    return x;
  }

  template <class Tensor>
  struct saved {
    Tensor x, s;
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& s) const {
    output_shape(x.shape(), s.shape());
    return evaluation{product(x, s), saved<Tensor>{x, s}};
  }
  template <class Tensor>
  Tensor jvp(const saved<Tensor>& of, const tangents<Tensor, 2>& d) const {
    Tensor dy;
    if (!d[0].empty()) accumulate(dy, product(d[0], of.s));
    if (!d[1].empty()) accumulate(dy, product(of.x, d[1]));
    return dy;
  }
  template <class Tensor>
  tangents<Tensor, 2> vjp(const saved<Tensor>& of, const Tensor& w,
                          const selection<2>& wanted) const {
    tangents<Tensor, 2> g;
    if (wanted[0]) g[0] = product(w, of.s);
    if (wanted[1]) {
      g[1] = Tensor(of.s.shape());
      Tensor::backend_type::reduce(sum{}, 1, of.s.size(), run(of.x), g[1].mutable_data(),
                                   kernel::multiply{}, each(w.in_layout(of.x.layout())),
                                   each(of.x));
    }
    return g;
  }

 private:
  template <class Tensor>
  static std::size_t run(const Tensor& x) {
    return x.shape().product(1, x.shape().rank());
  }
  template <class Tensor>
  static Tensor product(const Tensor& x, const Tensor& s) {
    return mapped<Tensor>(x.shape(), x.layout(), kernel::multiply{}, each(x), spread(s, run(x)));
  }
};

}  // namespace lift::op
