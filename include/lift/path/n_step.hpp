// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include <lift/path/discretise.hpp>
#include <lift/path/path_cost.hpp>

namespace lift {

namespace detail {

/// For every j < count: where best[j] + costs[j] is less than next[j], writes it there and `origin`
/// into origins. A plain loop over arrays, which compilers turn into vectors.
inline void relax(std::size_t count, const double* __restrict best, const double* __restrict costs,
                  double* __restrict next, std::size_t* __restrict origins, std::size_t origin) {
  for (std::size_t j = 0; j < count; ++j) {
    const double here = best[j] + costs[j];
    const bool less = here < next[j];
    next[j] = less ? here : next[j];
    origins[j] = less ? origin : origins[j];
  }
}

}  // namespace detail

/// A path of cells, and what it costs.
struct n_step_path {
  cell_path cells;
  double cost;
};

/// The cheapest path of exactly `moves` moves from corner to corner of the heatmap, where a move
/// advances each scale by 0 … `max_jump` cells but not both by 0, and costs its move_cost. If the
/// corner cannot be reached, `max_jump` grows by 2 until it can. Throws lift::error if there are
/// more moves than cells to advance, or none. O(moves · cells · max_jump²).
inline n_step_path cheapest_n_step_path(const error_heatmap& heatmap, path_cost cost,
                                        std::size_t moves, std::size_t max_jump) {
  validate(heatmap);
  const std::size_t n = heatmap.size(), last = n - 1;
  require(moves >= 1 && moves <= 2 * last, "moves of an n-step path", moves,
          text("1 to ", 2 * last, " on a heatmap of ", n, " points"));
  require(max_jump >= 1, "largest jump of an n-step path", max_jump, "at least 1");
  while (moves * max_jump < last) max_jump += 2;

  constexpr double unreached = std::numeric_limits<double>::infinity();
  const move_cost move(heatmap, cost);
  std::vector<double> costs(n);
  std::vector<double> best(n * n, unreached);  // the cheapest way to each cell in the moves so far
  best[0] = 0;
  // Which move led to each cell, as di·(max_jump + 1) + dj; of equals, the one from the first cell.
  const std::size_t stride = max_jump + 1;
  std::vector<std::vector<std::size_t>> moves_to(moves, std::vector<std::size_t>(n * n));
  for (auto& origins : moves_to) {
    std::vector<double> next(n * n, unreached);
    for (std::size_t di = std::min(max_jump, last) + 1; di-- > 0;)
      for (std::size_t dj = std::min(max_jump, last) + 1; dj-- > 0;) {
        if (di == 0 && dj == 0) continue;
        for (std::size_t i = 0; i + di <= last; ++i) {
          // Costs apart from sums: one rounding of a product and a sum would decide ties otherwise.
          move.row(i, i + di, dj, costs.data());
          const std::size_t to = (i + di) * n + dj;
          detail::relax(n - dj, best.data() + i * n, costs.data(), next.data() + to,
                        origins.data() + to, di * stride + dj);
        }
      }
    best.swap(next);
  }

  n_step_path path{cell_path(moves + 1), best.back()};
  path.cells[moves] = {last, last};
  for (std::size_t made = moves; made > 0; --made) {
    const cell to = path.cells[made];
    const std::size_t origin = moves_to[made - 1][to.fine * n + to.coarse];
    path.cells[made - 1] = {to.fine - origin / stride, to.coarse - origin % stride};
  }
  return path;
}

/// The N-step path, each cell at the timestep where the heatmap evaluated it. From the first node,
/// as the reference has it, N moves make N + 1 evaluations.
template <path_cost Cost>
struct n_step {
  start_level start = start_level::noisiest;
  std::size_t max_jump = 5;

  static n_step reference() { return {start_level::first_node}; }

  template <noise_schedule Schedule>
  timestep_path operator()(const error_heatmap& heatmap, const Schedule& schedule,
                           std::size_t steps) const {
    require_steps(steps);
    validate(schedule);
    const auto along = [&](std::size_t count) {
      return timesteps_of(cheapest_n_step_path(heatmap, Cost, count - 1, max_jump).cells, heatmap);
    };
    if (start == start_level::first_node) return along(steps + 1);
    const std::size_t first = heatmap.timesteps.front(), last = heatmap.timesteps.back();
    return from_noisiest(schedule, steps, {first, first}, {last, last}, along);
  }
};

using n_step_fine = n_step<path_cost::fine>;
using n_step_total = n_step<path_cost::total>;

static_assert(path_policy<n_step_fine>);
static_assert(path_policy<n_step_total>);

}  // namespace lift
