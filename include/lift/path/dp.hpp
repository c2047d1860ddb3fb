// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include <lift/path/discretise.hpp>
#include <lift/path/path_cost.hpp>

namespace lift {

/// Whether a monotone path must end in the last column.
enum class path_end { fixed, free };

/// One column for each row of a grid, and what the path costs.
struct monotone_path {
  std::vector<std::size_t> columns;
  double cost;
};

/// The cheapest path of one cell a row whose column starts at 0 and never falls, of cost
/// Σ_i nodes(i, j_i) + Σ_i move((i − 1, j_{i−1}), (i, j_i)); of equals, the one with the smallest
/// columns. O(rows·columns²). Throws lift::error for an empty grid, or
/// one row that a fixed end would have to cross.
template <class Move>
monotone_path monotone_dp(const grid<>& nodes, Move move, path_end end) {
  require(!nodes.empty(), "size of a cost grid", 0, "at least 1×1");
  const std::size_t rows = nodes.rows(), columns = nodes.columns();
  require(rows > 1 || columns == 1 || end == path_end::free, "rows of a cost grid", rows,
          "at least 2 for a fixed end");
  constexpr double unreached = std::numeric_limits<double>::infinity();
  std::vector<double> cost(columns, unreached);  // of the best path to each cell of this row
  cost[0] = nodes(0, 0);
  std::vector<std::size_t> previous(rows * columns, 0);
  for (std::size_t i = 1; i < rows; ++i) {
    std::vector<double> next(columns, unreached);
    for (std::size_t j = 0; j < columns; ++j) {
      for (std::size_t k = 0; k <= j; ++k) {
        const double here = cost[k] + move(cell<>{i - 1, k}, cell<>{i, j});
        if (here < next[j]) next[j] = here, previous[i * columns + j] = k;
      }
      next[j] += nodes(i, j);
    }
    cost = next;
  }

  std::size_t last = end == path_end::fixed ? columns - 1 : 0;
  if (end == path_end::free)
    for (std::size_t j = 1; j < columns; ++j)
      if (cost[j] < cost[last]) last = j;
  monotone_path path{std::vector<std::size_t>(rows), cost[last]};
  path.columns.back() = last;
  for (std::size_t i = rows - 1; i > 0; --i)
    path.columns[i - 1] = previous[i * columns + path.columns[i]];
  return path;
}

/// What a monotone path pays: the error collected along its moves (see move_cost), or, as the
/// reference, the sum of its cells' errors, which takes a long jump for free.
enum class cost_rule { moves, nodes };

/// The monotone path over the rows of a heatmap of two scales that is cheapest by dynamic
/// programming.
template <path_cost Cost>
struct dp {
  start_level start = start_level::noisiest;
  cost_rule rule = cost_rule::moves;
  path_end end = path_end::fixed;

  static dp reference() { return {start_level::first_node, cost_rule::nodes, path_end::free}; }

  /// The coarse index for each fine one, and the cost.
  monotone_path solve(const error_heatmap<>& heatmap) const {
    validate(heatmap);
    if (rule == cost_rule::nodes)
      return monotone_dp(
          node_cost(heatmap, Cost), [](const cell<>&, const cell<>&) { return 0.0; }, end);
    return monotone_dp(grid<>::cube(heatmap.size()), move_cost(heatmap, Cost), end);
  }

  cell_path<> cells(const error_heatmap<>& heatmap) const {
    return cells_from_columns(solve(heatmap).columns);
  }

  template <noise_schedule Schedule>
  timestep_path<> operator()(const error_heatmap<>& heatmap, const Schedule& schedule,
                             std::size_t steps) const {
    return discretise(snr_of(cells(heatmap), heatmap), schedule, steps, start);
  }
};

/// DP on the fine scale's error (64×64 in the reference), and on both scales' sum.
using dp_64 = dp<path_cost::fine>;
using dp_total = dp<path_cost::total>;

static_assert(path_policy<dp_64>);
static_assert(path_policy<dp_total>);

}  // namespace lift
