// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <lift/sample/stepper.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// The Euler step of stochastic localisation: in the coordinate y = (√ᾱ/(1−ᾱ))·x, whose law at an SNR γ
/// is that of γ·x₀ plus a Brownian motion at time γ, y' = y + (γ' − γ)·x̂₀ + √(γ' − γ)·noise. To a clean
/// image it is x' = x̂₀.
struct localisation_euler {
  template <class Tensor, class Noise>
  Tensor operator()(const Tensor& x, const Tensor& denoised, double alpha_bar,
                    double next_alpha_bar, const Noise& noise) const {
    if (next_alpha_bar == 1) return denoised;
    const double by = snr_from_alpha_bar(next_alpha_bar) - snr_from_alpha_bar(alpha_bar);
    const double scale = (1 - next_alpha_bar) / std::sqrt(next_alpha_bar);
    const Tensor mean =
        axpby(scale * std::sqrt(alpha_bar) / (1 - alpha_bar), x, scale * by, denoised);
    return axpby(1, mean, scale * std::sqrt(by), noise());
  }
};

}  // namespace lift
