// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/nn/parameters.hpp>
#include <lift/tensor/multi_tensor.hpp>

namespace lift {

namespace kernel {
/// A step of SGD on a piece of (p, v, gradient).
template <class T>
struct sgd_step {
  const T* scale;    ///< what gradients are multiplied by; nothing changes where it is not finite
  const T* coefficients;  ///< sgd::coefficients_at
  T momentum;
  bool nesterov;

  template <class Team>
  LIFT_HD void operator()(const Team& team, const tensor_piece<T, 3>& piece, std::size_t) const {
    const T a = *scale;
    if (!(a - a == T(0))) return;
    const T keep = coefficients[0], rate = coefficients[1];
    T *const p = piece.data[0], *const v = piece.data[1];
    const T* const g = piece.data[2];
    team.map(1, piece.size, v, [&](std::size_t, std::size_t i, auto x) {
      using V = decltype(x);
      return V(momentum) * team.load(v + i, x) + V(a) * team.load(g + i, x);
    });
    // p ← keep·p − along·v − across·g
    const T along = nesterov ? rate * momentum : rate, across = nesterov ? rate * a : T(0);
    team.map(1, piece.size, p, [&](std::size_t, std::size_t i, auto x) {
      using V = decltype(x);
      return V(keep) * team.load(p + i, x) - V(along) * team.load(v + i, x) -
             V(across) * team.load(g + i, x);
    });
  }
};
}  // namespace kernel

/// Stochastic gradient descent with momentum μ, as PyTorch's SGD without dampening:
/// v ← μv + g, then p ← p − η·v, or p ← p − η·(g + μv) with Nesterov's.
/// Weight decay is decoupled as AdamW's, p ← (1 − η·decay)·p before; PyTorch's SGD adds decay·p to g.
struct sgd {
  static constexpr const char* name = "sgd";
  static constexpr std::array states{"momentum"};

  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0;

  /// What steps with learning rate η do not share with others: 1 − η·decay and η.
  template <class T>
  std::array<T, 2> coefficients_at(double rate, std::uint64_t) const {
    return {static_cast<T>(1 - rate * weight_decay), static_cast<T>(rate)};
  }

  /// As adamw::update; `state` is v.
  template <class Tensor>
  void update(parameters<Tensor>& p, std::vector<parameters<Tensor>>& state,
              const std::vector<Tensor>& gradients, const Tensor& scale,
              const Tensor& coefficients) const {
    using T = typename Tensor::value_type;
    multi_tensor<Tensor, 3> all;
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (!gradients[i].empty())
        all.add({p.entries()[i].value, state[0].entries()[i].value, gradients[i]});
    all.for_each(
        kernel::sgd_step<T>{scale.data(), coefficients.data(), static_cast<T>(momentum), nesterov});
  }
};

}  // namespace lift
