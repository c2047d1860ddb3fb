// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/path/path.hpp>

namespace lift {

/// Whose error a path is to keep small: the fine scale's, or the sum over all.
enum class path_cost { fine, total };

/// The error of each cell.
template <std::size_t N>
grid<N> node_cost(const error_heatmap<N>& heatmap, path_cost cost) {
  return cost == path_cost::fine ? heatmap.fine() : total(heatmap);
}

/// The error collected between two cells: ½(E + E')·|Δλ| of the fine scale, and for the total cost
/// also of the others. A step_cost; holds on to the heatmap.
template <std::size_t N = 2>
class move_cost {
 public:
  move_cost(const error_heatmap<N>& heatmap, path_cost cost)
      : heatmap_(&heatmap), counted_(cost == path_cost::fine ? 1 : N) {
    for (const double gamma : heatmap.gamma) log_snr_.push_back(std::log(gamma));
  }

  std::size_t points() const { return log_snr_.size(); }

  double operator()(const cell<N>& from, const cell<N>& to) const {
    double sum = 0;
    for (std::size_t scale = 0; scale < counted_; ++scale) {
      const grid<N>& error = heatmap_->of(scale);
      sum += 0.5 * (error[from] + error[to]) *
             std::abs(log_snr_[to[scale]] - log_snr_[from[scale]]);
    }
    return sum;
  }

  /// As step_cost.
  void row(cell<N> from, cell<N> to, std::size_t d, double* __restrict costs) const {
    const std::size_t n = log_snr_.size();
    const double* const level = log_snr_.data();
    from[N - 1] = 0;
    to[N - 1] = d;
    for (std::size_t scale = 0; scale < counted_; ++scale) {
      const grid<N>& error = heatmap_->of(scale);
      const double* const a = error.values().data() + error.offset(from);
      const double* const b = error.values().data() + error.offset(to);
      const bool last = scale == N - 1;
      const double rise = last ? 0 : std::abs(level[to[scale]] - level[from[scale]]);
      if (scale == 0)
        for (std::size_t j = 0; j < n - d; ++j) costs[j] = 0;
      if (last)
        for (std::size_t j = 0; j < n - d; ++j)
          costs[j] += 0.5 * (a[j] + b[j]) * std::abs(level[j + d] - level[j]);
      else
        for (std::size_t j = 0; j < n - d; ++j) costs[j] += 0.5 * (a[j] + b[j]) * rise;
    }
  }

 private:
  const error_heatmap<N>* heatmap_;
  std::size_t counted_;  // scales
  std::vector<double> log_snr_;
};

}  // namespace lift
