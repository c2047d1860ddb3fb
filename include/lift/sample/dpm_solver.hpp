// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <lift/sample/ddim.hpp>
#include <lift/sample/multistep.hpp>

namespace lift {

namespace detail {

template <class Tensor, std::size_t N>
class dpm_solver_run {
 public:
  explicit dpm_solver_run(std::size_t order) : order_(order) {}

  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) {
    return make_scales<N>([&](std::size_t s) {
      if (!step.moves[s]) return step.x[s];
      const double from = half_log_snr(step.alpha_bar[s]), to = half_log_snr(step.next[s]);
      history_[s].add(from, step.denoised[s]);
      const std::size_t order = std::min({order_, history_[s].size(), highest_order(step, s)});
      if (order <= 1 || !std::isfinite(to))
        return ddim{}(step.x[s], step.denoised[s], step.alpha_bar[s], step.next[s],
                      [&] { return step.noise(s); });
      return with_history(std::sqrt((1 - step.next[s]) / (1 - step.alpha_bar[s])), step.x[s],
                                  history_[s],
                                  weights(order, history_[s], to, std::sqrt(step.next[s])));
    });
  }

 private:
  using weights_of_history = std::array<double, denoised_history<Tensor>::most>;

  static weights_of_history weights(std::size_t order, const denoised_history<Tensor>& past,
                                    double to, double root) {
    const double h = to - past.level(0), r0 = (past.level(0) - past.level(1)) / h;
    const double phi1 = -std::expm1(-h);
    if (order == 2) return {root * phi1 * (1 + 0.5 / r0), -root * phi1 * 0.5 / r0, 0};
    const double r1 = (past.level(1) - past.level(2)) / h;
    const double phi2 = 1 - phi1 / h, phi3 = 0.5 - phi2 / h;
    // With d0 = (D₀ − D₁)/r0 and d1 = (D₁ − D₂)/r1, the polynomial has the slope h·x̂₀' = d0 + r0·c
    // and the curvature h²·x̂₀'' = 2c, c = (d0 − d1)/(r0 + r1); c in place of 2c, as some programs have
    // it, makes the step one of second order.
    const double slope = root * phi2, c = (slope * r0 + 2 * root * phi3) / (r0 + r1);
    const double to_d0 = slope + c, to_d1 = -c;
    return {root * phi1 + to_d0 / r0, -to_d0 / r0 + to_d1 / r1, -to_d1 / r1};
  }

  std::size_t order_;
  scales<denoised_history<Tensor>, N> history_;
};

}  // namespace detail

/// The multistep DPM-Solver++ of order 1 (DDIM), 2 or 3 (Lu et al. 2022, algorithm 2 and appendix B):
/// with l = ½·log(ᾱ/(1−ᾱ)) and h = l' − l, x' = √((1−ᾱ')/(1−ᾱ))·x + √ᾱ'·∫ e^(l−l')·x̂₀(l) dl over the
/// step, where x̂₀ is the polynomial through the last x̂₀. The first steps have the order that what is
/// remembered allows, and the last ones that of highest_order; a step from ᾱ = 0 or to a clean image is
/// DDIM's. Each scale has levels and a memory of its own.
/// Throws lift::error for another order.
struct dpm_solver {
  std::size_t order = 2;

  template <class Tensor, std::size_t N>
  detail::dpm_solver_run<Tensor, N> start() const {
    require(order >= 1 && order <= 3, "order of DPM-Solver++", order, "1, 2 or 3");
    return detail::dpm_solver_run<Tensor, N>(order);
  }
};

}  // namespace lift
