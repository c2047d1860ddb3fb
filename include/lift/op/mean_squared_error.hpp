// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::kernel {

struct squared_difference {
  template <class T>
  LIFT_HD T operator()(T x, T y) const { return (x - y) * (x - y); }
};
/// scale·(x − y)·d.
template <class Number>
struct difference_product {
  Number scale;
  template <class T>
  LIFT_HD T operator()(T x, T y, T d) const { return T(scale) * (x - y) * d; }
};

}  // namespace lift::kernel

namespace lift::op {

/// y = mean over all elements of (x − z)², shape (1);
/// dy = 2·mean((x − z)·(dx − dz)),  Jᵀw = ±2w·(x − z)/n. Tangents are not stacked: the batch is
/// summed over.
struct mean_squared_error {
  static constexpr const char* name = "mean_squared_error";
  static constexpr std::size_t inputs = 2;

  shape output_shape(const shape& x, const shape& z) const {
    require(x == z, "mean_squared_error: shape of the target", z, x);
    return {1};
  }

  template <class Tensor>
  struct saved {
    Tensor x, z;
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& z) const {
    using A = accumulator_t<typename Tensor::value_type>;
    output_shape(x.shape(), z.shape());
    const Tensor target = z.in_layout(x.layout());
    Tensor total(shape{1});
    Tensor::backend_type::reduce(sum{}, 1, 1, x.size(), total.mutable_data(),
                                 kernel::squared_difference{}, each(x), each(target));
    return evaluation{scaled(total, A(1) / static_cast<A>(x.size())), saved<Tensor>{x, target}};
  }
  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 2>& d) const {
    Tensor dy;
    if (!d[0].empty()) accumulate(dy, product(s, d[0], 2));
    if (!d[1].empty()) accumulate(dy, product(s, d[1], -2));
    return dy;
  }
  template <class Tensor>
  tangents<Tensor, 2> vjp(const saved<Tensor>& s, const Tensor& w,
                          const selection<2>& wanted) const {
    tangents<Tensor, 2> g;
    if (wanted[0]) g[0] = gradient(s, w, 2);
    if (wanted[1]) g[1] = gradient(s, w, -2);
    return g;
  }

 private:
  template <class Tensor>
  static auto factor(const saved<Tensor>& s, int sign) {
    using A = accumulator_t<typename Tensor::value_type>;
    return kernel::difference_product<A>{static_cast<A>(sign) / static_cast<A>(s.x.size())};
  }
  template <class Tensor>
  static Tensor product(const saved<Tensor>& s, const Tensor& d, int sign) {
    require(d.shape() == s.x.shape(), "mean_squared_error: tangent", d.shape(), s.x.shape());
    Tensor dy(shape{1});
    Tensor::backend_type::reduce(sum{}, 1, 1, d.size(), dy.mutable_data(), factor(s, sign),
                                 each(s.x), each(s.z), each(d.in_layout(s.x.layout())));
    return dy;
  }
  template <class Tensor>
  static Tensor gradient(const saved<Tensor>& s, const Tensor& w, int sign) {
    return mapped<Tensor>(s.x.shape(), s.x.layout(), factor(s, sign), each(s.x), each(s.z), each(w));
  }
};

}  // namespace lift::op
