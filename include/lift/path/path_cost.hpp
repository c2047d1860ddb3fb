// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>

#include <lift/path/path.hpp>

namespace lift {

/// Whose error a path is to keep small: the fine scale's, or the sum over both.
enum class path_cost { fine, total };

/// The error of each cell.
inline grid node_cost(const error_heatmap& heatmap, path_cost cost) {
  return cost == path_cost::fine ? heatmap.fine : total(heatmap);
}

/// The error collected between two cells: ½(E_f + E'_f)·|Δλ_fine|, and for the total cost also
/// ½(E_c + E'_c)·|Δλ_coarse|. Holds on to the heatmap.
class move_cost {
 public:
  move_cost(const error_heatmap& heatmap, path_cost cost) : heatmap_(&heatmap), cost_(cost) {}

  double operator()(cell from, cell to) const {
    const double fine = trapezoid(heatmap_->fine, from, to, from.fine, to.fine);
    if (cost_ == path_cost::fine) return fine;
    return fine + trapezoid(heatmap_->coarse, from, to, from.coarse, to.coarse);
  }

 private:
  double trapezoid(const grid& error, cell from, cell to, std::size_t begin,
                   std::size_t end) const {
    const auto& gamma = heatmap_->gamma;
    return 0.5 * (error(from.fine, from.coarse) + error(to.fine, to.coarse)) *
           std::abs(std::log(gamma[end]) - std::log(gamma[begin]));
  }

  const error_heatmap* heatmap_;
  path_cost cost_;
};

}  // namespace lift
