// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>

namespace lift {

/// A noise schedule gives the signal power ᾱ(t) ∈ [0, 1] of x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε at each
/// timestep t = 0 (clean) … num_timesteps() − 1 (noisy); ᾱ never rises with t.
template <class Schedule>
concept noise_schedule = requires(const Schedule& schedule, std::size_t timestep) {
  { schedule.num_timesteps() } -> std::same_as<std::size_t>;
  { schedule.alpha_bar(timestep) } -> std::same_as<double>;
};

}  // namespace lift
