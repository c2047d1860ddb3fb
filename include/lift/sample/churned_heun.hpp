// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include <lift/sample/heun.hpp>
#include <lift/sample/solver.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// Heun's method that puts some noise back before each step (Karras et al. 2022, algorithm 2): where
/// σ = √((1−ᾱ)/ᾱ) is from `least` to `most`, σ̂ = (1 + min(churn/steps, √2 − 1))·σ and
/// x̄̂ = x̄ + √(σ̂² − σ²)·scale·noise for x̄ = x/√ᾱ, every scale on its own σ and none above where the run
/// began. The defaults are the paper's for ImageNet at 64×64, with 256 steps.
struct churned_heun {
  double churn = 40;              ///< S_churn; 0: heun
  double least = 0.05, most = 50; ///< S_tmin and S_tmax
  double scale = 1.003;           ///< S_noise

  template <class Tensor, std::size_t N>
  void renoise(solver_step<Tensor, N>& step) const {
    require(churn >= 0, "churn of Heun's method", churn, "a number from 0");
    const double by = std::min(churn / static_cast<double>(step.count), std::numbers::sqrt2 - 1);
    for (std::size_t s = 0; s < N; ++s) {
      const double a = step.alpha_bar[s], sigma = std::sqrt((1 - a) / a);
      const double raised =
          std::min((1 + by) * sigma, std::sqrt((1 - step.first[s]) / step.first[s]));
      if (!step.moves[s] || sigma < least || sigma > most || !(raised > sigma)) continue;
      const double to = 1 / (1 + raised * raised);
      step.x[s] = axpby(std::sqrt(to / a), step.x[s],
                        std::sqrt(to * (raised - sigma) * (raised + sigma)) * scale, step.noise(s));
      step.alpha_bar[s] = to;
    }
  }
  template <class Tensor, std::size_t N>
  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) const {
    return heun{}(step);
  }
};

}  // namespace lift
