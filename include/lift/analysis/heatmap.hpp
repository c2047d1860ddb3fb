// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/grid.hpp>

namespace lift {

/// Discretisation error of each scale over a square of SNR pairs, factor and weighting applied.
/// First index: γ of the fine scale; second: γ of the coarse one; both from noisy to clean.
struct error_heatmap {
  std::vector<double> gamma;           ///< SNR along either axis, rising
  std::vector<std::size_t> timesteps;  ///< the timestep evaluated for each γ
  grid fine, coarse;                   ///< error of a scale with respect to its own input
  /// Error of one scale with respect to the other's input; empty if not measured.
  grid fine_wrt_coarse, coarse_wrt_fine;
  /// Standard error of each grid above; empty if unknown.
  grid fine_error, coarse_error, fine_wrt_coarse_error, coarse_wrt_fine_error;

  std::size_t size() const { return gamma.size(); }
};

/// fine + coarse, cell by cell.
inline grid total(const error_heatmap& heatmap) {
  grid sum = heatmap.fine;
  for (std::size_t i = 0; i < sum.rows(); ++i)
    for (std::size_t j = 0; j < sum.columns(); ++j) sum(i, j) += heatmap.coarse(i, j);
  return sum;
}

/// Throws lift::error, naming the cell, unless γ rises over two points or more, timesteps never
/// rise, the grids that are there have that size, and every value is finite.
inline void validate(const error_heatmap& heatmap) {
  const std::size_t n = heatmap.size();
  require(n >= 2, "points along an axis of the heatmap", n, "at least 2");
  require(heatmap.timesteps.size() == n, "timesteps of the heatmap", heatmap.timesteps.size(), n);
  for (std::size_t i = 0; i < n; ++i) {
    const double previous = i == 0 ? 0 : heatmap.gamma[i - 1];
    require(std::isfinite(heatmap.gamma[i]) && heatmap.gamma[i] > previous,
            text("heatmap gamma[", i, "]"), heatmap.gamma[i], text("a number above ", previous));
    require(i == 0 || heatmap.timesteps[i] <= heatmap.timesteps[i - 1],
            text("heatmap timesteps[", i, "]"), heatmap.timesteps[i],
            "no more than the one before");
  }

  const auto check = [n](const char* name, const grid& values, bool optional) {
    if (optional && values.empty()) return;
    require(values.rows() == n && values.columns() == n, text("size of heatmap ", name),
            text(values.rows(), "×", values.columns()), text(n, "×", n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (!std::isfinite(values(i, j)))
          throw error(text("heatmap ", name, "(", i, ", ", j, "): got ", values(i, j),
                           ", want a finite number"));
  };
  check("fine", heatmap.fine, false);
  check("coarse", heatmap.coarse, false);
  check("fine_wrt_coarse", heatmap.fine_wrt_coarse, true);
  check("coarse_wrt_fine", heatmap.coarse_wrt_fine, true);
  check("fine_error", heatmap.fine_error, true);
  check("coarse_error", heatmap.coarse_error, true);
  check("fine_wrt_coarse_error", heatmap.fine_wrt_coarse_error, true);
  check("coarse_wrt_fine_error", heatmap.coarse_wrt_fine_error, true);
}

}  // namespace lift
