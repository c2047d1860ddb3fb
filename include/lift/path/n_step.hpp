// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <limits>
#include <utility>
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
template <std::size_t N = 2>
struct n_step_path {
  cell_path<N> cells;
  double cost;
};

/// The cheapest path of exactly `moves` moves from corner to corner of the heatmap, where a move
/// advances each scale by 0 … `max_jump` cells but not all by 0, and costs its move_cost. If the
/// corner cannot be reached, `max_jump` grows by 2 until it can. Throws lift::error if there are
/// more moves than cells to advance, or none. O(moves · cells · max_jump^N).
template <std::size_t N>
n_step_path<N> cheapest_n_step_path(const error_heatmap<N>& heatmap, path_cost cost,
                                    std::size_t moves, std::size_t max_jump) {
  validate(heatmap);
  const std::size_t n = heatmap.size(), last = n - 1;
  require(moves >= 1 && moves <= N * last, "moves of an n-step path", moves,
          text("1 to ", N * last, " on a heatmap of ", n, " points"));
  require(max_jump >= 1, "largest jump of an n-step path", max_jump, "at least 1");
  while (moves * max_jump < last) max_jump += 2;

  constexpr double unreached = std::numeric_limits<double>::infinity();
  const move_cost<N> move(heatmap, cost);
  std::vector<double> costs(n);
  grid<N> best = grid<N>::cube(n, unreached);  // the cheapest way to each cell in the moves so far
  best.values().front() = 0;
  // A jump is an index of this grid. Of equally cheap ones, that from the first cell counts, so the
  // longest comes first.
  typename grid<N>::lengths reach;
  reach.fill((max_jump < last ? max_jump : last) + 1);
  const grid<N> jumps(reach);
  // The first cell of every row along the last scale.
  typename grid<N>::lengths firsts;
  firsts.fill(n);
  firsts[N - 1] = 1;
  const grid<N> rows(firsts);
  std::vector<std::vector<std::size_t>> moves_to(moves, std::vector<std::size_t>(best.size()));
  for (auto& origins : moves_to) {
    grid<N> next = grid<N>::cube(n, unreached);
    for (std::size_t number = jumps.size(); number-- > 1;) {
      const cell<N> jump = jumps.index_at(number);
      for (std::size_t row = 0; row < rows.size(); ++row) {
        const cell<N> from = rows.index_at(row);
        const cell<N> to = make_scales<N>([&](std::size_t s) { return from[s] + jump[s]; });
        bool outside = false;
        for (const std::size_t i : to) outside = outside || i > last;
        if (outside) continue;
        // Costs apart from sums: one rounding of a product and a sum would decide ties otherwise.
        const std::size_t d = jump[N - 1], end = next.offset(to);
        move.row(from, to, d, costs.data());
        detail::relax(n - d, best.values().data() + best.offset(from), costs.data(),
                      next.values().data() + end, origins.data() + end, number);
      }
    }
    best = std::move(next);
  }

  n_step_path<N> path{cell_path<N>(moves + 1), best.values().back()};
  path.cells[moves] = best.index_at(best.size() - 1);
  for (std::size_t made = moves; made > 0; --made) {
    const cell<N>& to = path.cells[made];
    const cell<N> jump = jumps.index_at(moves_to[made - 1][best.offset(to)]);
    path.cells[made - 1] = make_scales<N>([&](std::size_t s) { return to[s] - jump[s]; });
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
