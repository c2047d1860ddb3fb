// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/path/cheapest_path.hpp>

namespace lift {

/// The path KL of stochastic sampling, in nats and but for a constant: ½·Σ_s mse_s·Δγ_s with the errors
/// where the step begins, from a heatmap of denoising losses (heatmap_error::loss). The cheapest path is
/// that of Align Your Steps (Sabour et al. 2024), over several scales, and needs no Jacobian. Holds on to the
/// heatmap.
template <std::size_t N = 2>
class path_kl_cost {
 public:
  /// Throws lift::error as validate(heatmap).
  explicit path_kl_cost(const error_heatmap<N>& losses) : losses_(&losses) { validate(losses); }

  std::size_t points() const { return losses_->size(); }

  void row(cell<N> from, const cell<N>& to, std::size_t d, double* __restrict costs) const {
    const std::size_t count = points() - d;
    const double* const gamma = losses_->gamma.data();
    const auto rise = make_scales<N>([&](std::size_t s) { return gamma[to[s]] - gamma[from[s]]; });
    from[N - 1] = 0;
    for (std::size_t j = 0; j < count; ++j) costs[j] = 0;
    for (std::size_t s = 0; s < N; ++s) {
      const double* const loss = losses_->of(s).values().data() + losses_->of(s).offset(from);
      for (std::size_t j = 0; j < count; ++j)
        costs[j] += 0.5 * loss[j] * (s == N - 1 ? gamma[j + d] - gamma[j] : rise[s]);
    }
  }

 private:
  const error_heatmap<N>* losses_;
};

/// The excess of that divergence for a short step: ¼·ΔγᵀHΔγ, H_st = −∂mse_s/∂γ_t, with the mean of H at
/// both ends. Holds on to the grids.
template <std::size_t N = 2>
class quadratic_cost {
 public:
  /// Throws lift::error unless every block of H has gamma.size() points along every axis.
  quadratic_cost(const std::vector<double>& gamma, const jacobian_blocks<grid<N>, N>& h)
      : gamma_(&gamma), h_(&h) {
    for (const auto& of_output : h)
      for (const grid<N>& block : of_output)
        for (std::size_t axis = 0; axis < N; ++axis)
          require(block.length(axis) == gamma.size(), "length of a quadratic cost's block",
                  block.length(axis), gamma.size());
  }

  std::size_t points() const { return gamma_->size(); }

  void row(cell<N> from, cell<N> to, std::size_t d, double* __restrict costs) const {
    const std::size_t count = points() - d;
    const double* const gamma = gamma_->data();
    const auto rise = make_scales<N>([&](std::size_t s) { return gamma[to[s]] - gamma[from[s]]; });
    from[N - 1] = 0;
    to[N - 1] = d;
    for (std::size_t j = 0; j < count; ++j) costs[j] = 0;
    for (std::size_t s = 0; s < N; ++s)
      for (std::size_t t = 0; t < N; ++t) {
        const grid<N>& block = (*h_)[s][t];
        const double* const a = block.values().data() + block.offset(from);
        const double* const b = block.values().data() + block.offset(to);
        for (std::size_t j = 0; j < count; ++j) {
          const double last = gamma[j + d] - gamma[j];
          costs[j] += 0.125 * (a[j] + b[j]) * (s == N - 1 ? last : rise[s]) * (t == N - 1 ? last : rise[t]);
        }
      }
  }

 private:
  const std::vector<double>* gamma_;
  const jacobian_blocks<grid<N>, N>* h_;
};

/// The error of the cell that a step comes to, as the reference's node sums; of every scale or of the
/// finest alone a heatmap's node_cost makes the grid, which this holds on to.
template <std::size_t N = 2>
class node_sum_cost {
 public:
  explicit node_sum_cost(const grid<N>& nodes) : nodes_(&nodes) {}

  std::size_t points() const { return nodes_->length(0); }

  void row(const cell<N>&, cell<N> to, std::size_t d, double* __restrict costs) const {
    to[N - 1] = d;
    const double* const there = nodes_->values().data() + nodes_->offset(to);
    for (std::size_t j = 0; j + d < points(); ++j) costs[j] = there[j];
  }

 private:
  const grid<N>* nodes_;
};

/// The cost of a move between any two points of a line, from a table that this holds on to: table(i, j) that
/// from i to j > i.
class table_cost {
 public:
  /// Throws lift::error unless the table is a square.
  explicit table_cost(const grid<2>& table) : table_(&table) {
    require(table.rows() == table.columns(), "columns of a table of costs", table.columns(), table.rows());
  }

  std::size_t points() const { return table_->rows(); }

  void row(const cell<1>&, const cell<1>&, std::size_t d, double* __restrict costs) const {
    for (std::size_t j = 0; j + d < points(); ++j) costs[j] = (*table_)(j, j + d);
  }

 private:
  const grid<2>* table_;
};

}  // namespace lift
