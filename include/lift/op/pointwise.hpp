// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::kernel {

template <class Op>
struct pointwise_value {
  template <class T>
  LIFT_HD T operator()(const T& x) const { return Op::f(x); }
};

template <class Op>
struct pointwise_derivative {
  template <class T>
  LIFT_HD T operator()(const T& x, const T& d) const { return Op::df(x) * d; }
};

}  // namespace lift::kernel

namespace lift::op {

/// The family y_i = f(x_i): a primitive gives f and df, generic in their scalar, and inherits its
/// three rules: dy = f'(x)·dx, Jᵀw = f'(x)·w.
template <class Op>
struct pointwise {
  static constexpr std::size_t inputs = 1;

  shape output_shape(const shape& x) const { return x; }

  template <class Tensor>
  auto forward(const Tensor& x) const {
    return evaluation{mapped<Tensor>(x.shape(), x.layout(), kernel::pointwise_value<Op>{}, each(x)),
                      x};
  }
  template <class Tensor>
  Tensor jvp(const Tensor& x, const tangents<Tensor, 1>& dx) const {
    return times_derivative(x, dx[0]);
  }
  template <class Tensor>
  tangents<Tensor, 1> vjp(const Tensor& x, const Tensor& w, const selection<1>&) const {
    return {times_derivative(x, w)};
  }

 private:
  template <class Tensor>
  static Tensor times_derivative(const Tensor& x, const Tensor& d) {
    return mapped<Tensor>(d.shape(), x.layout(), kernel::pointwise_derivative<Op>{}, each(x),
                          each(d.in_layout(x.layout())));
  }
};

}  // namespace lift::op
