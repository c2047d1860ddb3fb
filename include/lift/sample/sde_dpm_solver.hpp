// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lift/sample/ddim.hpp>
#include <lift/sample/multistep.hpp>

namespace lift {

namespace detail {

template <class Tensor, std::size_t N>
class sde_dpm_solver_run {
 public:
  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) {
    return make_scales<N>([&](std::size_t s) {
      if (!step.moves[s]) return step.x[s];
      const double from = half_log_snr(step.alpha_bar[s]), to = half_log_snr(step.next[s]);
      history_[s].add(from, step.denoised[s]);
      const double h = to - from, share = -std::expm1(-2 * h), noise_power = 1 - step.next[s];
      double ahead = 0;
      if (history_[s].size() > 1 && step.left > 0 && std::isfinite(to))
        ahead = 0.5 * h / (from - history_[s].level(1));
      const double root = std::sqrt(step.next[s]) * share;
      const Tensor mean = axpby(
          std::sqrt(noise_power / (1 - step.alpha_bar[s])) * std::exp(-h), step.x[s],
          root * (1 + ahead), step.denoised[s]);
      const Tensor both =
          ahead > 0 ? axpby(1, mean, -root * ahead, history_[s].denoised(1)) : mean;
      return noise_power > 0 ? axpby(1, both, std::sqrt(noise_power * share), step.noise(s)) : both;
    });
  }

 private:
  scales<denoised_history<Tensor>, N> history_;
};

}  // namespace detail

/// The stochastic multistep DPM-Solver++ of second order, SDE-DPM-Solver++(2M) (Lu et al. 2022):
/// with l = ½·log(ᾱ/(1−ᾱ)), h = l' − l and D the x̂₀ of dpm_solver's second order,
/// x' = √((1−ᾱ')/(1−ᾱ))·e^(−h)·x + √ᾱ'·(1 − e^(−2h))·D + √((1−ᾱ')·(1 − e^(−2h)))·noise. Its first and
/// its last step have D = x̂₀.
struct sde_dpm_solver {
  template <class Tensor, std::size_t N>
  detail::sde_dpm_solver_run<Tensor, N> start() const { return {}; }
};

}  // namespace lift
