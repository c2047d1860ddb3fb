// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/path/cheapest_path.hpp>
#include <lift/path/discretise.hpp>
#include <lift/path/path_cost.hpp>

namespace lift {

/// The cheapest path of exactly `moves` moves over a heatmap, each at its move_cost (find_cheapest_path). If
/// the corner cannot be reached, `max_jump` grows by 2 until it can. Throws lift::error if there are
/// more moves than cells to advance, or none.
template <std::size_t N>
cheapest_path<N> cheapest_n_step_path(const error_heatmap<N>& heatmap, path_cost cost,
                                      std::size_t moves, std::size_t max_jump) {
  validate(heatmap);
  require(max_jump >= 1, "largest jump of an n-step path", max_jump, "at least 1");
  if (moves >= 1)
    while (moves * max_jump < heatmap.size() - 1) max_jump += 2;
  return find_cheapest_path<N>(move_cost<N>(heatmap, cost), moves, max_jump);
}

/// The N-step path, each cell at the timestep where the heatmap evaluated it. From the first node,
/// as the reference has it, N moves make N + 1 evaluations.
template <path_cost Cost>
struct n_step {
  start_level start = start_level::noisiest;
  std::size_t max_jump = 5;

  static n_step reference() { return {start_level::first_node}; }

  template <std::size_t N, noise_schedule Schedule>
  timestep_path<N> operator()(const error_heatmap<N>& heatmap, const Schedule& schedule,
                              std::size_t steps) const {
    require_steps(steps);
    validate(schedule);
    const auto along = [&](std::size_t count) {
      return timesteps_of(cheapest_n_step_path(heatmap, Cost, count - 1, max_jump).cells, heatmap);
    };
    if (start == start_level::first_node) return along(steps + 1);
    const auto everywhere = [](std::size_t t) {
      return make_scales<N>([=](std::size_t) { return static_cast<double>(t); });
    };
    return from_noisiest(schedule, steps, everywhere(heatmap.timesteps.front()),
                         everywhere(heatmap.timesteps.back()), along);
  }
};

using n_step_fine = n_step<path_cost::fine>;
using n_step_total = n_step<path_cost::total>;

static_assert(path_policy<n_step_fine>);
static_assert(path_policy<n_step_total, tabulated_schedule, 3>);

}  // namespace lift
