// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>

#include <lift/core/preset.hpp>

namespace lift {

/// The learning rate of a training step; steps count from 0.
template <class R>
concept learning_rate = requires(const R& rate, std::uint64_t step) {
  { rate(step) } -> std::same_as<double>;
};

/// True of a learning rate; of anything else it does not compile, and says what is wanted.
template <class R>
constexpr bool is_learning_rate() {
  constexpr bool holds = learning_rate<R>;
  static_assert(holds,
                "a learning rate is to be callable, when const, as rate(std::uint64_t step) -> "
                "double; one that stays the same is lift::constant_rate{rate}");
  return holds;
}

struct constant_rate {
  double rate = 1e-4;
  double operator()(std::uint64_t) const { return rate; }
};

static_assert(learning_rate<constant_rate>);

/// last + (first − last)·(1 + cos(π·k/n))/2 after k of n changes of the rate, n = steps − warmup,
/// then `last`; before that, `warmup` steps that rise linearly to `first`. (Loshchilov & Hutter
/// 2017)
struct cosine_annealing {
  std::uint64_t steps;  ///< T_max: length of the training
  double first = 1e-4, last = 1e-6;
  std::uint64_t warmup = 0;
  std::uint64_t steps_per_change = 1;

  double operator()(std::uint64_t step) const {
    if (step < warmup) return first * static_cast<double>(step + 1) / static_cast<double>(warmup);
    const std::uint64_t changes = (step - warmup) / steps_per_change;
    const std::uint64_t length = std::max(steps, warmup + 1) - warmup;
    const double done = std::min(1.0, static_cast<double>(changes) / static_cast<double>(length));
    return last + (first - last) * (1 + std::cos(std::numbers::pi * done)) / 2;
  }

  /// For a training of so many epochs. The reference counts iterations in T_max but changes the
  /// rate once an epoch, so that it hardly decays; the sound choice changes it every iteration.
  static cosine_annealing over(std::uint64_t epochs, std::uint64_t batches_per_epoch,
                               preset side = preset::sound) {
    return {.steps = epochs * batches_per_epoch,
            .steps_per_change = side == preset::sound ? 1 : batches_per_epoch};
  }

  /// The same over another number of steps, of which warm-up takes half at most.
  cosine_annealing lasting(std::uint64_t length) const {
    cosine_annealing result = *this;
    result.steps = length;
    result.warmup = std::min(warmup, length / 2);
    return result;
  }
};

static_assert(learning_rate<cosine_annealing>);

}  // namespace lift
