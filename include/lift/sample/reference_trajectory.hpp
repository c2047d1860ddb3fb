// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <lift/sample/sample.hpp>

namespace lift {

/// All that a run along a path of P evaluations came by: P + 1 samples, the first of them the noise and the
/// last what was made, the x̂₀ of the first P, and each one's signal powers ᾱ.
template <class Tensor, std::size_t N = 2>
struct trajectory {
  std::vector<scales<Tensor, N>> x, denoised;
  std::vector<scales<double, N>> alpha_bars;

  /// P.
  std::size_t size() const { return denoised.size(); }
};

/// Samples along a fine path and keeps everything: 2P + 1 batches of images are in memory in the end.
/// Otherwise as sample.
template <class Tensor, std::size_t N, class Denoiser, class Schedule, class Solver = ddim,
          class OnStep = ignore_step, class Pyramid = copies>
trajectory<Tensor, N> reference_trajectory(const Denoiser& denoise, const Schedule& schedule,
                                           const std::vector<scales<double, N>>& path,
                                           const scales<Tensor, N>& noise,
                                           const sampling_options<Solver, Pyramid>& options = {},
                                           OnStep on_step = {}) {
  trajectory<Tensor, N> all;
  all.x.push_back(noise);
  sample(denoise, schedule, path, noise, options, [&](const sampling_step<Tensor, N>& step) {
    all.denoised.push_back(step.denoised);
    all.x.push_back(step.x);
    on_step(step);
  });
  all.alpha_bars = alpha_bars_along(schedule, path, options.landing);
  return all;
}

}  // namespace lift
