// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

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
  move_cost(const error_heatmap& heatmap, path_cost cost) : heatmap_(&heatmap), cost_(cost) {
    for (const double gamma : heatmap.gamma) log_snr_.push_back(std::log(gamma));
  }

  double operator()(cell from, cell to) const {
    const double fine = trapezoid(heatmap_->fine, from, to, from.fine, to.fine);
    if (cost_ == path_cost::fine) return fine;
    return fine + trapezoid(heatmap_->coarse, from, to, from.coarse, to.coarse);
  }

  /// costs[j] = the move from (from, j) to (to, j + d), for all j: a plain loop over arrays, which
  /// compilers turn into vectors.
  void row(std::size_t from, std::size_t to, std::size_t d, double* __restrict costs) const {
    const std::size_t n = log_snr_.size();
    const double* const level = log_snr_.data();
    const double rise = std::abs(level[to] - level[from]);
    const auto sum_of = [&](const grid& error, std::size_t j) {
      return 0.5 * (error.values()[from * n + j] + error.values()[to * n + j + d]);
    };
    if (cost_ == path_cost::fine)
      for (std::size_t j = 0; j < n - d; ++j) costs[j] = sum_of(heatmap_->fine, j) * rise;
    else
      for (std::size_t j = 0; j < n - d; ++j)
        costs[j] = sum_of(heatmap_->fine, j) * rise +
                   sum_of(heatmap_->coarse, j) * std::abs(level[j + d] - level[j]);
  }

 private:
  double trapezoid(const grid& error, cell from, cell to, std::size_t begin,
                   std::size_t end) const {
    return 0.5 * (error(from.fine, from.coarse) + error(to.fine, to.coarse)) *
           std::abs(log_snr_[end] - log_snr_[begin]);
  }

  const error_heatmap* heatmap_;
  path_cost cost_;
  std::vector<double> log_snr_;
};

}  // namespace lift
