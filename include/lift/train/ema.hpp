// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <lift/core/preset.hpp>
#include <lift/nn/parameters.hpp>
#include <lift/tensor/multi_tensor.hpp>

namespace lift {

namespace kernel {
/// a ← keep·a + gain·w on a piece of (a, w).
template <class T>
struct ema_step {
  const T* scale;    ///< nothing changes where it is not finite
  const T* coefficients;  ///< ema::coefficients_at

  template <class Team>
  LIFT_HD void operator()(const Team& team, const tensor_piece<T, 2>& piece, std::size_t) const {
    if (!(*scale - *scale == T(0))) return;
    const T keep = coefficients[0], gain = coefficients[1];
    T* const a = piece.data[0];
    const T* const w = piece.data[1];
    team.map(1, piece.size, a, [&](std::size_t, std::size_t i, auto x) {
      using V = decltype(x);
      return V(keep) * team.load(a + i, x) + V(gain) * team.load(w + i, x);
    });
  }
};
}  // namespace kernel

/// An exponential moving average of the weights, a ← d·a + (1 − d)·w after every step.
///
/// With `warmup`, step t = 1, 2, … uses d = min(decay, t/(t + 9)), so that a short training is not
/// dominated by the random weights it began with; the reference has no warm-up.
struct ema {
  double decay = 0.9999;
  bool warmup = true;

  static ema reference() { return {.warmup = false}; }

  double decay_at(std::uint64_t t) const {
    const auto steps = static_cast<double>(t);
    return warmup ? std::min(decay, steps / (steps + 9)) : decay;
  }

  /// d and 1 − d of step t = 1, 2, …
  template <class T>
  std::array<T, 2> coefficients_at(std::uint64_t t) const {
    const double d = decay_at(t);
    return {static_cast<T>(d), static_cast<T>(1 - d)};
  }

  /// A step of the average, `coefficients` a tensor of the two of coefficients_at; writes the
  /// elements of `average` in place. Where `scale`, a tensor of one element, is not finite nothing
  /// changes.
  template <class Tensor>
  void update(parameters<Tensor>& average, const parameters<Tensor>& weights, const Tensor& scale,
              const Tensor& coefficients) const {
    using T = typename Tensor::value_type;
    multi_tensor<Tensor, 2> all;
    for (std::size_t i = 0; i < weights.size(); ++i)  // an average may be the weights themselves
      if (average.entries()[i].value.data() != weights.entries()[i].value.data())
        all.add({average.entries()[i].value, weights.entries()[i].value});
    all.for_each(kernel::ema_step<T>{scale.data(), coefficients.data()});
  }
};

}  // namespace lift
