// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/model/model.hpp>

namespace lift {

/// What is wanted of a denoiser: ε̂ = (x_t − √ᾱ·x̂₀)/√(1−ᾱ), or x̂₀.
enum class estimate { noise, clean };

/// A denoiser's ε̂ or x̂₀ of every scale. It takes what the denoiser takes and gives back. A denoiser
/// that tells the noise itself, by a member noise(x, t), is asked for that.
template <class Denoiser, noise_schedule Schedule>
struct estimator {
  Denoiser denoise;
  Schedule schedule;
  estimate wanted = estimate::noise;

  template <value X, std::size_t N>
    requires denoiser<Denoiser, X, N>
  scales<X, N> operator()(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    if (wanted == estimate::clean) return denoise(x, t);
    if constexpr (requires { denoise.noise(x, t); }) {
      return denoise.noise(x, t);
    } else {
      const scales<X, N> clean = denoise(x, t);
      return make_scales<N>([&](std::size_t scale) {
        std::vector<combination> weights;
        for (const double a : alpha_bars(schedule, t[scale]))
          weights.push_back(predicts_clean::noise(a));
        return combined(weights, x[scale], clean[scale]);
      });
    }
  }
};

template <class Denoiser, class Schedule>
estimator(Denoiser, Schedule) -> estimator<Denoiser, Schedule>;
template <class Denoiser, class Schedule>
estimator(Denoiser, Schedule, estimate) -> estimator<Denoiser, Schedule>;

}  // namespace lift
