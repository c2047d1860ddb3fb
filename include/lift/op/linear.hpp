// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/affine_map.hpp>

namespace lift::op {

/// Affine map of rows: y = x·Aᵀ + β, x (B, I), A (O, I), β (O), y (B, O).
struct linear : affine_map<linear> {
  static constexpr const char* name = "linear";

  shape output_shape(const shape& x, const shape& a, const shape& bias) const {
    require(x.rank() == 2 && a.rank() == 2 && x[1] == a[1], "linear: shape of the weight", a,
            text("(any, columns of ", x, ")"));
    require(bias == shape{a[0]}, "linear: shape of the bias", bias, shape{a[0]});
    return {x[0], a[0]};
  }

  /// x·Aᵀ + β
  template <class Tensor>
  Tensor product(const Tensor& x, const Tensor& a, const Tensor& bias = {}) const {
    Tensor y = multiply<Tensor>(x.shape()[0], a.shape()[0], x.shape()[1], rows(x), columns(a));
    if (!bias.empty()) add_bias(y, bias);
    return y;
  }
  /// w·A
  template <class Tensor>
  Tensor image_gradient(const Tensor& w, const Tensor& a, const shape& x) const {
    return multiply<Tensor>(x[0], x[1], a.shape()[0], rows(w), rows(a));
  }
  /// wᵀ·x
  template <class Tensor>
  Tensor weight_gradient(const Tensor& x, const Tensor& w, const Tensor& a) const {
    return multiply<Tensor>(a.shape()[0], a.shape()[1], x.shape()[0], columns(w), rows(x));
  }

 private:
  template <class Tensor>
  using operand_of = matrices<const typename Tensor::value_type>;

  template <class Tensor>
  static operand_of<Tensor> rows(const Tensor& x) {
    return {.data = x.data(), .row = x.shape()[1]};
  }
  template <class Tensor>
  static operand_of<Tensor> columns(const Tensor& x) {
    return {.data = x.data(), .row = x.shape()[1], .transposed = true};
  }
  template <class Tensor>
  static Tensor multiply(std::size_t m, std::size_t n, std::size_t k, const operand_of<Tensor>& a,
                         const operand_of<Tensor>& b) {
    using T = typename Tensor::value_type;
    Tensor c({m, n});
    Tensor::backend_type::gemm(1, m, n, k, T(1), a, b, T(0),
                               matrices<T>{.data = c.mutable_data(), .row = n});
    return c;
  }
};

}  // namespace lift::op
