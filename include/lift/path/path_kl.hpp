// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/analysis/refine_heatmap.hpp>
#include <lift/path/discretise.hpp>
#include <lift/path/step_costs.hpp>

namespace lift {

/// Which levels the scales may have.
enum class clocks {
  free,  ///< each its own
  one    ///< all the same
};

/// The path over a heatmap of denoising losses (heatmap_error::loss) whose path KL is least: Align Your Steps
/// (Sabour et al. 2024) found by dynamic programming, on as many clocks as there are scales; on one clock it
/// is the spacing that follows from the losses alone. The heatmap is refined first.
struct path_kl {
  lift::clocks clocks = lift::clocks::free;
  start_level start = start_level::noisiest;

  static path_kl reference() { return {}; }  // which has none

  template <std::size_t N, noise_schedule Schedule>
  timestep_path<N> operator()(const error_heatmap<N>& losses, const Schedule& schedule,
                              std::size_t steps) const {
    require_steps(steps);
    validate(schedule);
    validate(losses);
    const auto along = [&](std::size_t count) {
      return clocks == lift::clocks::one ? on_every_scale<N>(cheapest(diagonal_of(losses), schedule, count))
                                         : cheapest(losses, schedule, count);
    };
    if (start == start_level::first_node) return along(steps);
    const timestep_path<N> ends = along(2);
    return from_noisiest(schedule, steps, ends.front(), ends.back(), along);
  }

 private:
  /// On the diagonal all scales step together, and their losses add up.
  template <std::size_t N>
  static error_heatmap<1> diagonal_of(const error_heatmap<N>& losses) {
    error_heatmap<1> line{losses.gamma, losses.timesteps, {}, {}};
    line.of(0) = grid<1>::cube(losses.size());
    for (std::size_t i = 0; i < losses.size(); ++i)
      for (std::size_t s = 0; s < N; ++s)
        line.of(0)(i) += losses.of(s)[make_scales<N>([=](std::size_t) { return i; })];
    return line;
  }

  template <std::size_t N>
  static timestep_path<N> on_every_scale(const timestep_path<1>& line) {
    timestep_path<N> path;
    for (const auto& point : line)
      path.push_back(make_scales<N>([&](std::size_t) { return point.fine(); }));
    return path;
  }

  /// In `count` places from the first node to the last; of one place the first.
  template <std::size_t N, noise_schedule Schedule>
  static timestep_path<N> cheapest(const error_heatmap<N>& losses, const Schedule& schedule,
                                   std::size_t count) {
    const std::size_t moves = count < 2 ? 1 : count - 1;
    // As fine as a second allows, and fine enough for the moves.
    constexpr std::size_t fine = N == 1 ? 513 : N == 2 ? 49 : 13;
    const std::size_t points = moves / N + 1 > fine ? moves / N + 1 : fine;
    const error_heatmap<N> lattice = refine_heatmap(losses, schedule, points);
    const auto found = find_cheapest_path<N>(path_kl_cost<N>(lattice), moves);
    timestep_path<N> path = mapped_path(found.cells, [&](std::size_t i) {
      return timestep_from_log_snr(schedule, log_snr_from_snr(lattice.gamma[i]));
    });
    path.resize(count);
    return path;
  }
};

static_assert(path_policy<path_kl>);
static_assert(path_policy<path_kl, tabulated_schedule, 3>);

}  // namespace lift
