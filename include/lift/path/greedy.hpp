// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
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
      const double* row = error.values().data() + i * error.columns();
      const auto [least, most] =
          std::minmax_element(row + columns.back(), row + error.columns());
      const bool flat = *most - *least < flatness * *least;
      columns.push_back(flat ? std::max(i, columns.back())
                             : static_cast<std::size_t>(least - row));
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
