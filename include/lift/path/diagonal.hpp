// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/path/path.hpp>

namespace lift {

/// How N timesteps are laid over 0 … T − 1, all evenly.
enum class timestep_spacing {
  trailing,  ///< exactly N, from T − 1 down to about T/N: round(T·(N − i)/N) − 1 (Lin et al. 2023)
  leading,   ///< exactly N, down to 0: ⌊T·(N − 1 − i)/N⌋
  strided    ///< as the reference: the multiples of T div N, more than N for many an N (19 for 18)
};

/// N timesteps from noisy to clean; throws lift::error unless 1 ≤ N ≤ T.
inline std::vector<std::size_t> spaced_timesteps(std::size_t num_timesteps, std::size_t steps,
                                                 timestep_spacing spacing) {
  require_steps(steps);
  require(steps <= num_timesteps, "number of steps", steps,
          text("at most the ", num_timesteps, " timesteps of the schedule"));
  const std::size_t stride = num_timesteps / steps;
  const bool strided = spacing == timestep_spacing::strided;
  const std::size_t count = strided ? (num_timesteps - 1) / stride + 1 : steps;
  std::vector<std::size_t> result;
  for (std::size_t left = count; left > 0; --left) {
    if (strided)
      result.push_back((left - 1) * stride);
    else if (spacing == timestep_spacing::leading)
      result.push_back(num_timesteps * (left - 1) / steps);
    else
      result.push_back((2 * num_timesteps * left + steps) / (2 * steps) - 1);
  }
  return result;
}

/// All scales at the same timestep, evenly spaced in t; looks at no heatmap.
struct diagonal {
  timestep_spacing spacing = timestep_spacing::trailing;

  static diagonal reference() { return {timestep_spacing::strided}; }

  template <std::size_t N = 2, noise_schedule Schedule>
  timestep_path<N> operator()(const error_heatmap<N>&, const Schedule& schedule,
                              std::size_t steps) const {
    validate(schedule);
    timestep_path<N> path;
    for (const std::size_t t : spaced_timesteps(schedule.num_timesteps(), steps, spacing))
      path.push_back(make_scales<N>([&](std::size_t) { return static_cast<double>(t); }));
    return path;
  }
};

static_assert(path_policy<diagonal>);
static_assert(path_policy<diagonal, tabulated_schedule, 1>);

}  // namespace lift
