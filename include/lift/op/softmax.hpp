// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <lift/op/primitive.hpp>

namespace lift::kernel {

struct exp_difference {
  template <class T>
  LIFT_HD T operator()(T x, T y) const {
    using std::exp;
    return exp(x - y);
  }
};
struct divide {
  template <class T>
  LIFT_HD T operator()(T x, T y) const { return x / y; }
};
/// p·(d − r).
struct softmax_tangent {
  template <class T>
  LIFT_HD T operator()(T p, T d, T r) const { return p * (d - r); }
};

}  // namespace lift::kernel

namespace lift::op {

/// y = softmax of each row: y_k = e^(x_k)/Σ_j e^(x_j), computed from x less its largest number, so that
/// nothing overflows; x (B, K). With Π(d) = y∘(d − Σ_k y_k·d_k), which is symmetric: dy = Π(dx),
/// Jᵀw = Π(w).
struct softmax {
  static constexpr const char* name = "softmax";
  static constexpr std::size_t inputs = 1;

  shape output_shape(const shape& x) const {
    require(x.rank() == 2 && x[1] > 0, "softmax: shape of the input", x, "(B, K), K at least 1");
    return x;
  }

  // Probabilities are kept as they are computed, not rounded to bfloat16.

  template <class Tensor>
  auto forward(const Tensor& x) const {
    using numbers = typename Tensor::accumulators;
    auto p = mapped<numbers>(output_shape(x.shape()), kernel::identity{}, each(x));
    of_rows(p, x.shape()[1]);
    return evaluation{mapped<Tensor>(x.shape(), kernel::identity{}, each(p)), p};
  }
  template <class Tensor>
  Tensor jvp(const typename Tensor::accumulators& p, const tangents<Tensor, 1>& dx) const {
    return tangent(p, dx[0], p.shape()[1]);
  }
  template <class Tensor>
  tangents<Tensor, 1> vjp(const typename Tensor::accumulators& p, const Tensor& w,
                          const selection<1>&) const {
    return {tangent(p, w, p.shape()[1])};
  }

  /// Makes of every row of x, of so many columns, its softmax, in place.
  template <class Tensor>
  static void of_rows(Tensor& x, std::size_t columns) {
    using B = typename Tensor::backend_type;
    const Tensor top = reduced_rows<maximum, Tensor>(x.size(), columns, kernel::identity{}, each(x));
    B::map(x.size(), x.mutable_data(), kernel::exp_difference{}, each(x), spread(top, columns));
    const Tensor total = reduced_rows<sum, Tensor>(x.size(), columns, kernel::identity{}, each(x));
    B::map(x.size(), x.mutable_data(), kernel::divide{}, each(x), spread(total, columns));
  }
  /// Π(d) of every row; d may be stacked.
  template <class Numbers, class Tensor>
  static Tensor tangent(const Numbers& p, const Tensor& d, std::size_t columns) {
    const auto r = reduced_rows<sum, Numbers>(d.size(), columns, kernel::multiply{}, each(p), each(d));
    return mapped<Tensor>(d.shape(), kernel::softmax_tangent{}, each(p), each(d), spread(r, columns));
  }

 private:
  template <class Reduction, class Numbers, class F, class... In>
  static Numbers reduced_rows(std::size_t size, std::size_t columns, const F& f, const In&... in) {
    Numbers r(shape{size / columns});
    Numbers::backend_type::reduce(Reduction{}, 1, r.size(), columns, r.mutable_data(), f, in...);
    return r;
  }
};

}  // namespace lift::op
