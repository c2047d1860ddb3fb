// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include <lift/sample/ddim.hpp>
#include <lift/sample/multistep.hpp>

namespace lift {

/// The function B(h) of UniPC, with h the step in l = ½·log(ᾱ/(1−ᾱ)), negative: h itself, or e^h − 1. It has
/// a part only where a predictor of second and a corrector of first order take ½ for what they would have to
/// solve for; `exact` solves there too.
enum class uni_pc_variant { bh1, bh2, exact };

namespace detail {

template <class Tensor, std::size_t N>
class uni_pc_run {
 public:
  uni_pc_run(std::size_t order, uni_pc_variant variant) : order_(order), variant_(variant) {}

  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) {
    return make_scales<N>([&](std::size_t s) {
      if (!step.moves[s]) return step.x[s];
      memory& past = memory_[s];
      const double from = half_log_snr(step.alpha_bar[s]), to = half_log_snr(step.next[s]);
      Tensor x = step.x[s];
      if (past.order > 0) {
        const double h = from - past.history.level(0), root = std::sqrt(step.alpha_bar[s]);
        const auto [weights, newest] = corrector(past.order, past.history, h);
        const double a = std::sqrt((1 - step.alpha_bar[s]) / (1 - past.alpha_bar));
        x = axpby(1, with_history(a, past.x, past.history, root, weights), root * newest,
                  step.denoised[s]);
      }
      past.history.add(from, step.denoised[s]);
      past.order = std::min({order_, past.history.size(), highest_order(step, s)});
      past.x = x;
      past.alpha_bar = step.alpha_bar[s];
      if (past.order == 0 || !std::isfinite(to))
        return ddim{}(x, step.denoised[s], step.alpha_bar[s], step.next[s],
                      [&] { return step.noise(s); });
      const double a = std::sqrt((1 - step.next[s]) / (1 - step.alpha_bar[s]));
      return with_history(a, x, past.history, std::sqrt(step.next[s]),
                          predictor(past.order, past.history, to - from));
    });
  }

 private:
  static constexpr std::size_t most = denoised_history<Tensor>::most;
  using numbers = std::array<double, most>;

  struct memory {
    denoised_history<Tensor> history;
    Tensor x;              // the sample that the last step began with, corrected
    double alpha_bar = 0;  // there
    std::size_t order = 0;  // of the last step; 0 before it
  };

  static Tensor with_history(double a, const Tensor& x, const denoised_history<Tensor>& history,
                             double root, numbers weights) {
    for (double& w : weights) w *= root;
    return detail::with_history(a, x, history, weights);
  }

  bool halves() const { return variant_ != uni_pc_variant::exact; }
  double b_of(double h) const { return variant_ == uni_pc_variant::bh1 ? -h : std::expm1(-h); }

  /// ρ with Σ_k ρ_k·r_k^(i−1) = i!·φ_(i+1)(−h)·(−h)/B(h) for i = 1 … n, φ of exponential integrators.
  numbers solved(std::size_t n, const numbers& r, double h) const {
    std::array<std::array<double, most + 1>, most> rows{};
    double phi = std::expm1(-h) / -h - 1, factorial = 1;
    numbers power;
    power.fill(1);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < n; ++k) {
        rows[i][k] = power[k];
        power[k] *= r[k];
      }
      rows[i][n] = phi * factorial / b_of(h);
      factorial *= static_cast<double>(i + 2);
      phi = phi / -h - 1 / factorial;
    }
    for (std::size_t i = 0; i < n; ++i) {  // the r are distinct: Vandermonde's matrix has full rank
      const std::size_t best = static_cast<std::size_t>(
          std::max_element(rows.begin() + static_cast<std::ptrdiff_t>(i),
                           rows.begin() + static_cast<std::ptrdiff_t>(n),
                           [&](const auto& a, const auto& b) {
                             return std::abs(a[i]) < std::abs(b[i]);
                           }) -
          rows.begin());
      std::swap(rows[i], rows[best]);
      for (std::size_t row = 0; row < n; ++row)
        if (row != i)
          for (std::size_t k = n + 1; k-- > i;) rows[row][k] -= rows[row][i] / rows[i][i] * rows[i][k];
    }
    numbers rho{};
    for (std::size_t i = 0; i < n; ++i) rho[i] = rows[i][n] / rows[i][i];
    return rho;
  }

  /// The weights of x̂₀ − x̂₀ of the newest, ρ_k·B/r_k, as weights of the x̂₀ themselves.
  numbers as_weights(std::size_t count, const numbers& r, const numbers& rho, double h) const {
    numbers weights{-std::expm1(-h), 0, 0};
    for (std::size_t k = 0; k < count; ++k) {
      const double share = -b_of(h) * rho[k] / r[k];
      weights[k + 1] += share;
      weights[0] -= share;
    }
    return weights;
  }

  static numbers ratios(std::size_t order, const denoised_history<Tensor>& past, double h) {
    numbers r{};
    for (std::size_t k = 0; k + 1 < order; ++k) r[k] = (past.level(k + 1) - past.level(0)) / h;
    r[order - 1] = 1;
    return r;
  }

  numbers predictor(std::size_t order, const denoised_history<Tensor>& past, double h) const {
    const numbers r = ratios(order, past, h);
    const numbers rho = order == 2 && halves() ? numbers{0.5} : solved(order - 1, r, h);
    return as_weights(order - 1, r, rho, h);
  }

  /// Those of the history, and that of the x̂₀ at the end of the step.
  std::pair<numbers, double> corrector(std::size_t order, const denoised_history<Tensor>& past,
                                       double h) const {
    const numbers r = ratios(order, past, h);
    const numbers rho = order == 1 && halves() ? numbers{0.5} : solved(order, r, h);
    numbers weights = as_weights(order - 1, r, rho, h);
    const double newest = -b_of(h) * rho[order - 1];
    weights[0] -= newest;
    return {weights, newest};
  }

  std::size_t order_;
  uni_pc_variant variant_;
  scales<memory, N> memory_;
};

}  // namespace detail

/// The multistep predictor and corrector UniPC of order 1 to 3 in its form for x̂₀ (Zhao et al. 2023):
/// each step first corrects its sample by the x̂₀ that was found there, at no further evaluation, and
/// then predicts the next one. Orders rise and fall as dpm_solver's. Each scale has levels and a memory
/// of its own. Throws lift::error for another order.
struct uni_pc {
  std::size_t order = 2;
  uni_pc_variant variant = uni_pc_variant::bh2;

  template <class Tensor, std::size_t N>
  detail::uni_pc_run<Tensor, N> start() const {
    require(order >= 1 && order <= 3, "order of UniPC", order, "1, 2 or 3");
    return detail::uni_pc_run<Tensor, N>(order, variant);
  }
};

}  // namespace lift
