// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>

#include <lift/sample/ddim.hpp>
#include <lift/sample/solver.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// Heun's method for dx̄/dσ = (x̄ − x̂₀)/σ, x̄ = x/√ᾱ and σ = √((1−ᾱ)/ᾱ), every scale on its own σ
/// (Karras et al. 2022, algorithm 1 with no churn): the step of DDIM, then the same with the mean of
/// the slopes at both ends, for which all scales are evaluated once more. The last step, to a clean
/// image, and one from ᾱ = 0 are DDIM's.
struct heun {
  template <class Tensor, std::size_t N>
  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) const {
    const scales<Tensor, N> euler = each_scale<ddim, N>(ddim{})(step);
    bool corrects = false;
    for (std::size_t s = 0; s < N; ++s) corrects = corrects || corrected(step, s);
    if (!step.evaluate_next || !corrects) return euler;
    const scales<Tensor, N> denoised = step.evaluate_next(euler);
    return make_scales<N>([&](std::size_t s) {
      const double a = step.alpha_bar[s], b = step.next[s];
      if (!corrected(step, s)) return euler[s];
      const double from = std::sqrt((1 - a) / a), to = std::sqrt((1 - b) / b), h = (to - from) / 2;
      const double root = std::sqrt(b);
      const Tensor begin = axpby(root * (1 + h / from) / std::sqrt(a), step.x[s],
                                 -root * h / from, step.denoised[s]);
      const Tensor end = axpby(h / to, euler[s], -root * h / to, denoised[s]);
      return sum_of(begin, end);
    });
  }

 private:
  template <class Tensor, std::size_t N>
  static bool corrected(const solver_step<Tensor, N>& step, std::size_t scale) {
    return step.moves[scale] && step.alpha_bar[scale] != 0 && step.next[scale] != 1;
  }
};

}  // namespace lift
