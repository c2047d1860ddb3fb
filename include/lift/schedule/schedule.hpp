// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>

#include <lift/core/error.hpp>

namespace lift {

/// A noise schedule gives the signal power ᾱ(t) ∈ [0, 1] of x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε at each
/// timestep t = 0 (clean) … num_timesteps() − 1 (noisy); ᾱ never rises with t.
template <class Schedule>
concept noise_schedule = requires(const Schedule& schedule, std::size_t timestep) {
  { schedule.num_timesteps() } -> std::same_as<std::size_t>;
  { schedule.alpha_bar(timestep) } -> std::same_as<double>;
};

/// True of a noise schedule; of anything else it does not compile, and says what is wanted.
template <class Schedule>
constexpr bool is_noise_schedule() {
  constexpr bool holds = noise_schedule<Schedule>;
  static_assert(holds,
                "a noise schedule is to have const members std::size_t num_timesteps() and double "
                "alpha_bar(std::size_t)");
  return holds;
}

/// Throws lift::error, naming the timestep, unless there are two timesteps or more, every ᾱ is in
/// [0, 1] and none is above the one before it. Asks for every ᾱ once; whatever takes a schedule for
/// a whole job (a run of sampling, a heatmap, a path, a training) begins with it.
template <noise_schedule Schedule>
void validate(const Schedule& schedule) {
  const std::size_t size = schedule.num_timesteps();
  require(size >= 2, "number of timesteps of a noise schedule", size, "at least 2");
  double previous = 1;
  for (std::size_t t = 0; t < size; ++t) {
    const double alpha_bar = schedule.alpha_bar(t);
    if (!(alpha_bar >= 0 && alpha_bar <= previous))
      throw error(text("alpha_bar of a noise schedule at timestep ", t, ": got ", alpha_bar,
                       ", want a number from 0 to ", previous,
                       t == 0 ? "" : ", that of the timestep before"));
    previous = alpha_bar;
  }
}

}  // namespace lift
