// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/path/discretise.hpp>
#include <lift/path/path_cost.hpp>

namespace lift {

/// On two scales: row by row, the coarse level of least fine error among those not noisier than the
/// last row's (the noisiest if several). A row that hardly tells them apart, its spread below
/// `flatness` of its least error, goes to the diagonal, or stays if past it.
struct greedy {
  start_level start = start_level::noisiest;
  double flatness = 0.05;

  static greedy reference() { return {start_level::first_node}; }

  /// One cell a row of the heatmap.
  cell_path<> cells(const error_heatmap<>& heatmap) const {
    validate(heatmap);
    const grid<>& error = heatmap.fine();
    std::vector<std::size_t> columns{0};
    for (std::size_t i = 1; i < error.rows(); ++i) {
      const std::size_t before = columns.back();
      std::size_t least = before, most = before;
      for (std::size_t j = before; j < error.columns(); ++j) {
        if (error(i, j) < error(i, least)) least = j;
        if (error(i, j) > error(i, most)) most = j;
      }
      const bool flat = error(i, most) - error(i, least) < flatness * error(i, least);
      columns.push_back(!flat ? least : i > before ? i : before);
    }
    return cells_from_columns(columns);
  }

  template <noise_schedule Schedule>
  timestep_path<> operator()(const error_heatmap<>& heatmap, const Schedule& schedule,
                             std::size_t steps) const {
    return discretise(snr_of(cells(heatmap), heatmap), schedule, steps, start);
  }
};

static_assert(path_policy<greedy>);

}  // namespace lift
