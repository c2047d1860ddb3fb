// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>

#include <lift/backend/tensor.hpp>

namespace lift {

/// keep·v + gain·g².
template <class Number>
struct second_moment_functor {
  Number keep, gain;
  template <class T>
  LIFT_HD T operator()(T v, T g) const { return T(keep) * v + T(gain) * g * g; }
};

/// keep·p − rate·m / (√v·root + ε).
template <class Number>
struct adamw_functor {
  Number keep, rate, root, epsilon;
  template <class T>
  LIFT_HD T operator()(T p, T m, T v) const {
    using std::sqrt;
    return T(keep) * p - T(rate) * m / (sqrt(v) * T(root) + T(epsilon));
  }
};

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019), as PyTorch's AdamW:
/// m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,
/// p ← (1 − η·decay)·p − η·m̂/(√v̂ + ε),  m̂ = m/(1 − β₁ᵗ),  v̂ = v/(1 − β₂ᵗ).
struct adamw {
  double weight_decay = 0.01;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;

  /// Step t = 1, 2, … of one parameter with learning rate `rate` and g = scale·gradient. Writes
  /// the elements of `p`, `m` and `v` in place: no other tensor may share them.
  template <class Tensor>
  void update(Tensor& p, Tensor& m, Tensor& v, const Tensor& gradient, double scale, double rate,
              std::uint64_t t) const {
    using T = typename Tensor::value_type;
    const auto number = [](double x) { return static_cast<T>(x); };
    const auto write = [n = p.size()](Tensor& out, const auto& f, const auto&... in) {
      Tensor::backend_type::map(n, out.mutable_data(), f, each(in)...);
    };
    const double correction1 = 1 - std::pow(beta1, t), correction2 = 1 - std::pow(beta2, t);
    write(m, axpby_functor<T>{number(beta1), number((1 - beta1) * scale)}, m, gradient);
    write(v, second_moment_functor<T>{number(beta2), number((1 - beta2) * scale * scale)}, v,
          gradient);
    write(p,
          adamw_functor<T>{number(1 - rate * weight_decay), number(rate / correction1),
                           number(1 / std::sqrt(correction2)), number(epsilon)},
          p, m, v);
  }
};

}  // namespace lift
