// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <lift/path/path.hpp>

namespace lift {

/// Levels λ_k = first + h·(k + stretch·(1 − r^k)) for k = 0 … n, r = 0.37 and λ_n = last, noisy to clean:
/// evenly spaced for a stretch of 0, and else with steps of h·(1 + 0.63·stretch·r^k), of which the first ones,
/// amid noise, are longer. Throws lift::error for no step, or unless last is above first and the stretch at
/// least 0.
inline std::vector<double> stretched_log_snrs(std::size_t steps, double first, double last,
                                              double stretch) {
  require_steps(steps);
  require(std::isfinite(first) && last > first, "last log-SNR of a path", last,
          text("one above ", first));
  require(stretch >= 0 && std::isfinite(stretch), "stretch of a path's spacing", stretch,
          "a number from 0");
  const auto way = [&](std::size_t k) {
    const auto steps_taken = static_cast<double>(k);
    return steps_taken + stretch * (1 - std::pow(0.37, steps_taken));
  };
  std::vector<double> levels;
  for (std::size_t k = 0; k <= steps; ++k)
    levels.push_back(first + (last - first) * (way(k) / way(steps)));
  return levels;
}

/// The fine scale spaced in λ = log γ, evenly but for the first steps, and every coarser one at the same level
/// or ahead of it by a lead; looks at no heatmap. The defaults are for suited_solver from unit noise: the
/// first level is so noisy that unit noise is right there.
struct log_snr_diagonal {
  static constexpr double suited = std::numeric_limits<double>::quiet_NaN();  ///< to the number of steps
  /// Nats of the fine scale's λ in which a lead is won: all scales begin at one level, that of pure noise.
  static constexpr double lead_in = 6;

  double first = suited;    ///< λ of the first evaluation, or the schedule's lowest if that is higher
  double stretch = suited;  ///< of the first steps: 0 if the path begins above −8, or else stretch_of(N)
  double lead = 0;          ///< λ of a scale beyond that of the next finer one, from lead_in on

  /// −11, and for fewer than 9 steps −10.
  static double first_of(std::size_t steps) { return steps < 9 ? -10 : -11; }
  /// 2.5, and for 4 to 8 steps 0.25 for each beyond the third.
  static double stretch_of(std::size_t steps) {
    if (steps >= 9) return 2.5;
    return steps <= 3 ? 0 : 0.25 * static_cast<double>(steps - 3);
  }
  /// Levels of 9 to 12 steps are spaced as if the landing were so much sooner.
  static double early_of(std::size_t steps) {
    return steps < 9 || steps > 12 ? 0 : 0.2 * (13 - static_cast<double>(steps));
  }

  static log_snr_diagonal reference() { return {}; }  // which has none

  /// λ of all evaluations, and of the landing, where a schedule has the lowest and the last; throws
  /// lift::error as stretched_log_snrs.
  std::vector<double> levels(std::size_t steps, double lowest, double last) const {
    require_steps(steps);
    const double wanted = std::isnan(first) ? first_of(steps) : first;
    const double begin = wanted > lowest ? wanted : lowest;
    if (!std::isnan(stretch)) return stretched_log_snrs(steps, begin, last, stretch);
    if (begin > -8) return stretched_log_snrs(steps, begin, last, 0);
    std::vector<double> all =
        stretched_log_snrs(steps, begin, last - early_of(steps), stretch_of(steps));
    all.back() = last;
    return all;
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
