// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
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

/// The fine scale spaced in λ = log γ by a power, and every coarser one at the same level or ahead of it
/// by a lead; looks at no heatmap. The defaults are for suited_solver that begins with unit noise: the
/// first level is so noisy that unit noise is right there, and levels are evenly spaced; fewer steps have
/// fewer to spare for noise, and are denser where it is clean.
struct log_snr_diagonal {
  static constexpr double suited = std::numeric_limits<double>::quiet_NaN();  ///< to the number of steps
  /// Nats of the fine scale's λ in which a lead is won: all scales begin at one level, that of pure noise.
  static constexpr double lead_in = 6;

  double first = suited;  ///< λ of the first evaluation, or the schedule's lowest if that is higher
  double power = suited;  ///< of the spacing: 1 if the path begins above −8, or else power_of(N)
  double lead = 0;        ///< λ of a scale beyond that of the next finer one, from lead_in on

  /// −10.5 from 10 steps on, and −8 up to 6.
  static double first_of(std::size_t steps) {
    if (steps >= 10) return -10.5;
    return steps <= 6 ? -8 : -8 - 0.625 * static_cast<double>(steps - 6);
  }
  /// 1 up to 6 steps and from 14 on, falling to 0.82 at 10, which it is from there to 13.
  static double power_of(std::size_t steps) {
    if (steps <= 6 || steps >= 14) return 1;
    return steps >= 10 ? 0.82 : 1 - 0.045 * static_cast<double>(steps - 6);
  }

  static log_snr_diagonal reference() { return {}; }  // which has none

  /// λ of all evaluations, and of the landing, where a schedule has the lowest and the last; throws
  /// lift::error as power_spaced_log_snrs.
  std::vector<double> levels(std::size_t steps, double lowest, double last) const {
    require_steps(steps);
    const double wanted = std::isnan(first) ? first_of(steps) : first;
    const double begin = wanted > lowest ? wanted : lowest;
    return power_spaced_log_snrs(
        steps, begin, last, !std::isnan(power) ? power : begin > -8 ? 1 : power_of(steps));
  }

  /// Throws lift::error as levels, and unless lead is at least −lead_in, below which a scale would
  /// become noisier on the way.
  template <std::size_t N = 2, noise_schedule Schedule>
  timestep_path<N> operator()(const error_heatmap<N>&, const Schedule& schedule,
                              std::size_t steps) const {
    validate(schedule);
    require(std::isfinite(lead) && lead >= -lead_in, "lead of a path's coarser scales", lead,
            text("a number of at least ", -lead_in));
    std::vector<double> all =
        levels(steps, log_snr(schedule, schedule.num_timesteps() - 1), log_snr(schedule, 0));
    all.pop_back();  // the landing
    timestep_path<N> path;
    for (const double level : all) {
      const double won = (level - all.front()) / lead_in, ahead = won < 1 ? lead * won : lead;
      path.push_back(make_scales<N>([&](std::size_t s) {
        return timestep_from_log_snr(schedule, level + static_cast<double>(s) * ahead);
      }));
    }
    return path;
  }
};

static_assert(path_policy<log_snr_diagonal>);
static_assert(path_policy<log_snr_diagonal, tabulated_schedule, 3>);

}  // namespace lift
