// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include <lift/sample/stepper.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// DDIM (Song et al. 2021), deterministic at η = 0 and ancestral at η = 1:
/// x' = √ᾱ'·x̂₀ + √(1−ᾱ'−σ²)·ε + σ·noise, where ε = (x − √ᾱ·x̂₀)/√(1−ᾱ) is recomputed from x̂₀ and
/// σ = η·√[(1−ᾱ')/(1−ᾱ)·(1−ᾱ/ᾱ')]. Throws lift::error unless 0 ≤ η ≤ 1.
struct ddim {
  double eta = 0;

  template <class Tensor, class Noise>
  Tensor operator()(const Tensor& x, const Tensor& denoised, double alpha_bar,
                    double next_alpha_bar, const Noise& noise) const {
    require(eta >= 0 && eta <= 1, "eta of DDIM", eta, "0 to 1");
    const double noise_power = 1 - alpha_bar, next_noise_power = 1 - next_alpha_bar;
    const double sigma =
        eta * std::sqrt(next_noise_power / noise_power * (1 - alpha_bar / next_alpha_bar));
    const double a = std::sqrt(std::max(0.0, next_noise_power - sigma * sigma) / noise_power);
    const double b = std::sqrt(next_alpha_bar) - a * std::sqrt(alpha_bar);
    const Tensor mean = axpby(a, x, b, denoised);
    return sigma > 0 ? axpby(1, mean, sigma, noise()) : mean;
  }
};

}  // namespace lift
