// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/nn/parameters.hpp>
#include <lift/tensor/multi_tensor.hpp>

namespace lift {

namespace kernel {
/// A step of AdamW on a piece of (p, m, v, gradient).
template <class T>
struct adamw_step {
  const T* scale;    ///< what gradients are multiplied by; nothing changes where it is not finite
  const T* coefficients;  ///< adamw::coefficients_at
  T beta1, beta2, epsilon;

  template <class Team>
  LIFT_HD void operator()(const Team& team, const tensor_piece<T, 4>& piece, std::size_t) const {
    const T a = *scale;
    if (!(a - a == T(0))) return;
    const T keep = coefficients[0], rate = coefficients[1], root = coefficients[2];
    T *const p = piece.data[0], *const m = piece.data[1], *const v = piece.data[2];
    const T* const g = piece.data[3];
    const T gain1 = (T(1) - beta1) * a, gain2 = (T(1) - beta2) * a * a;
    team.map(1, piece.size, m, [&](std::size_t, std::size_t i, auto x) {
      using V = decltype(x);
      return V(beta1) * team.load(m + i, x) + V(gain1) * team.load(g + i, x);
    });
    team.map(1, piece.size, v, [&](std::size_t, std::size_t i, auto x) {
      using V = decltype(x);
      const V gradient = team.load(g + i, x);
      return V(beta2) * team.load(v + i, x) + V(gain2) * gradient * gradient;
    });
    team.map(1, piece.size, p, [&](std::size_t, std::size_t i, auto x) {
      using std::sqrt;
      using V = decltype(x);
      return V(keep) * team.load(p + i, x) -
             V(rate) * team.load(m + i, x) / (sqrt(team.load(v + i, x)) * V(root) + V(epsilon));
    });
  }
};
}  // namespace kernel

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019), as PyTorch's AdamW:
/// m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,
/// p ← (1 − η·decay)·p − η·m̂/(√v̂ + ε),  m̂ = m/(1 − β₁ᵗ),  v̂ = v/(1 − β₂ᵗ).
struct adamw {
  static constexpr const char* name = "adamw";
  static constexpr std::array states{"m", "v"};

  double weight_decay = 0.01;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;

  /// What step t = 1, 2, … with learning rate η does not share with the others:
  /// 1 − η·decay, η/(1 − β₁ᵗ) and 1/√(1 − β₂ᵗ).
  template <class T>
  std::array<T, 3> coefficients_at(double rate, std::uint64_t t) const {
    return {static_cast<T>(1 - rate * weight_decay),
            static_cast<T>(rate / (1 - std::pow(beta1, t))),
            static_cast<T>(1 / std::sqrt(1 - std::pow(beta2, t)))};
  }

  /// A step of all parameters with g = scale·gradient, `scale` a tensor of one element and
  /// `coefficients` one of the three of coefficients_at; parameters with an empty gradient stay.
  /// Writes the elements of `p` and of `state`, m and v, in place: no other tensor may share them.
  /// Where `scale` is not finite nothing changes.
  template <class Tensor>
  void update(parameters<Tensor>& p, std::vector<parameters<Tensor>>& state,
              const std::vector<Tensor>& gradients, const Tensor& scale,
              const Tensor& coefficients) const {
    using T = typename Tensor::value_type;
    multi_tensor<Tensor, 4> all;
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (!gradients[i].empty())
        all.add({p.entries()[i].value, state[0].entries()[i].value, state[1].entries()[i].value,
                 gradients[i]});
    const auto number = [](double x) { return static_cast<T>(x); };
    all.for_each(kernel::adamw_step<T>{scale.data(), coefficients.data(), number(beta1),
                                       number(beta2), number(epsilon)});
  }
};

}  // namespace lift
