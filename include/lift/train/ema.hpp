// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include <lift/core/preset.hpp>
#include <lift/nn/parameters.hpp>

namespace lift {

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

  /// Step t of the average; writes the elements of `average` in place.
  template <class Tensor>
  void update(parameters<Tensor>& average, const parameters<Tensor>& weights,
              std::uint64_t t) const {
    using T = typename Tensor::value_type;
    const double d = decay_at(t);
    const axpby_functor<T> blend{static_cast<T>(d), static_cast<T>(1 - d)};
    for (std::size_t i = 0; i < weights.size(); ++i) {
      Tensor& a = average.entries()[i].value;
      Tensor::backend_type::map(a.size(), a.mutable_data(), blend, each(a),
                                each(weights.entries()[i].value));
    }
  }
};

}  // namespace lift
