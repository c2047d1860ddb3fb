// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/path/path.hpp>

namespace lift {

/// The cost of a step from one cell of a lattice to another, for a row of steps at once, so that
/// compilers turn the loop over them into vectors: row(from, to, d, costs) writes costs[j], the step from
/// `from` to `to` with j and j + d in place of their last indices, for all j < points() − d.
template <class Cost, std::size_t N>
concept step_cost = requires(const Cost& cost, const cell<N>& at, std::size_t d, double* costs) {
  { cost.points() } -> std::convertible_to<std::size_t>;
  cost.row(at, at, d, costs);
};

/// A path of cells, and what it costs.
template <std::size_t N = 2>
struct cheapest_path {
  cell_path<N> cells;
  double cost;
};

namespace detail {

/// For every j < count: where best[j] + weight·costs[j] is less than next[j], writes it there and `origin`
/// into origins. A plain loop over arrays, which compilers turn into vectors.
inline void relax(std::size_t count, const double* __restrict best, const double* __restrict costs,
                  double weight, double* __restrict next, std::size_t* __restrict origins,
                  std::size_t origin) {
  for (std::size_t j = 0; j < count; ++j) {
    const double here = best[j] + weight * costs[j];
    const bool less = here < next[j];
    next[j] = less ? here : next[j];
    origins[j] = less ? origin : origins[j];
  }
}

}  // namespace detail

/// The cheapest path of exactly `moves` moves from corner to corner of a lattice of cost.points() along
/// every axis, where a move advances each scale by 0 … `max_jump` cells but not all by 0. Of equally cheap
/// moves the longest counts. Each move's cost counts `growth` times as much as that of the one before. Throws
/// lift::error if there are more moves than cells to advance or none, if the corner cannot be reached, or for a
/// growth that is not positive. O(moves · cells · max_jump^N).
template <std::size_t N, step_cost<N> Cost>
cheapest_path<N> find_cheapest_path(const Cost& cost, std::size_t moves,
                                    std::size_t max_jump = std::numeric_limits<std::size_t>::max(),
                                    double growth = 1) {
  const std::size_t n = cost.points();
  require(n >= 2, "points along an axis of a lattice", n, "at least 2");
  const std::size_t last = n - 1, jump = max_jump < last ? max_jump : last;
  require(moves >= 1 && moves <= N * last, "moves of a path", moves,
          text("1 to ", N * last, " on a lattice of ", n, " points"));
  require(jump >= (last + moves - 1) / moves, "largest jump of a path", max_jump,
          text("at least ", (last + moves - 1) / moves));
  require(growth > 0 && growth <= 1e6, "growth of the costs along a path", growth,
          "a positive number, at most 1000000");

  constexpr double unreached = std::numeric_limits<double>::infinity();
  std::vector<double> costs(n);
  grid<N> best = grid<N>::cube(n, unreached);  // the cheapest way to each cell in the moves so far
  best.values().front() = 0;
  // A jump is an index of this grid. Of equally cheap ones, that from the first cell counts, so the
  // longest comes first.
  const grid<N> jumps = grid<N>::cube(jump + 1);
  // The first cell of every row along the last scale.
  typename grid<N>::lengths firsts;
  firsts.fill(n);
  firsts[N - 1] = 1;
  const grid<N> rows(firsts);
  std::vector<std::vector<std::size_t>> moves_to(moves, std::vector<std::size_t>(best.size()));
  double weight = 1;
  for (auto& origins : moves_to) {
    grid<N> next = grid<N>::cube(n, unreached);
    for (std::size_t number = jumps.size(); number-- > 1;) {
      const cell<N> by = jumps.index_at(number);
      for (std::size_t row = 0; row < rows.size(); ++row) {
        const cell<N> from = rows.index_at(row);
        const cell<N> to = make_scales<N>([&](std::size_t s) { return from[s] + by[s]; });
        bool outside = false;
        for (const std::size_t i : to) outside = outside || i > last;
        if (outside) continue;
        // Costs apart from sums: one rounding of a product and a sum would decide ties otherwise.
        const std::size_t d = by[N - 1], end = next.offset(to);
        cost.row(from, to, d, costs.data());
        detail::relax(n - d, best.values().data() + best.offset(from), costs.data(), weight,
                      next.values().data() + end, origins.data() + end, number);
      }
    }
    best = std::move(next);
    weight *= growth;
  }

  cheapest_path<N> path{cell_path<N>(moves + 1), best.values().back()};
  path.cells[moves] = best.index_at(best.size() - 1);
  for (std::size_t made = moves; made > 0; --made) {
    const cell<N>& to = path.cells[made];
    const cell<N> by = jumps.index_at(moves_to[made - 1][best.offset(to)]);
    path.cells[made - 1] = make_scales<N>([&](std::size_t s) { return to[s] - by[s]; });
  }
  return path;
}

}  // namespace lift
