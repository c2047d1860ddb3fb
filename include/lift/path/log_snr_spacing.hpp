// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/path/path.hpp>

namespace lift {

/// Levels λ_k = first + (last − first)·(k/n)^p for k = 0 … n, noisy to clean: evenly spaced for p = 1,
/// denser towards the clean end for p below 1. Throws lift::error for no step, or unless last is above
/// first and p positive.
inline std::vector<double> power_spaced_log_snrs(std::size_t steps, double first, double last,
                                                 double power) {
  require_steps(steps);
  require(std::isfinite(first) && last > first, "last log-SNR of a path", last,
          text("one above ", first));
  require(power > 0 && std::isfinite(power), "power of a path's spacing", power, "a positive number");
  std::vector<double> levels;
  for (std::size_t k = 0; k <= steps; ++k)
    levels.push_back(first + (last - first) *
                                 std::pow(static_cast<double>(k) / static_cast<double>(steps), power));
  return levels;
}

/// All scales at the same level, spaced in λ = log γ by a power; looks at no heatmap. The defaults are
/// for multistep solvers of second order that begin with unit noise: the first level is so noisy that unit
/// noise is right there, and with few steps fewer of them are spent there.
struct log_snr_diagonal {
  double first = -14;  ///< λ of the first evaluation, or the schedule's lowest if that is higher
  double power = 0;    ///< of the spacing; 0 stands for power_of(N), or 1 if the path begins above −10

  /// ½ + 2/N for N steps, at most 1.
  static double power_of(std::size_t steps) {
    return steps < 4 ? 1 : 0.5 + 2 / static_cast<double>(steps);
  }

  static log_snr_diagonal reference() { return {}; }  // which has none

  template <std::size_t N = 2, noise_schedule Schedule>
  timestep_path<N> operator()(const error_heatmap<N>&, const Schedule& schedule,
                              std::size_t steps) const {
    require_steps(steps);
    validate(schedule);
    const double lowest = log_snr(schedule, schedule.num_timesteps() - 1);
    const double begin = first > lowest ? first : lowest;
    std::vector<double> levels = power_spaced_log_snrs(
        steps, begin, log_snr(schedule, 0), power != 0 ? power : begin > -10 ? 1 : power_of(steps));
    levels.pop_back();  // the landing
    timestep_path<N> path;
    for (const double level : levels) {
      const double t = timestep_from_log_snr(schedule, level);
      path.push_back(make_scales<N>([&](std::size_t) { return t; }));
    }
    return path;
  }
};

static_assert(path_policy<log_snr_diagonal>);
static_assert(path_policy<log_snr_diagonal, tabulated_schedule, 3>);

}  // namespace lift
