// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <lift/sample/stepper.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// DPM-Solver++(2M) (Lu et al. 2022): with λ = ½·log(ᾱ/(1−ᾱ)), h = λ' − λ and r = h_before/h,
/// x' = √((1−ᾱ')/(1−ᾱ))·x + √ᾱ'·(1 − e^(−h))·D, D = (1 + 1/2r)·x̂₀ − 1/2r·x̂₀_before; the first step,
/// and the last to a clean image, have D = x̂₀, as DDIM. Each scale keeps its own λ and x̂₀ of its own
/// last step.
template <class Tensor>
class dpm_solver_2m {
 public:
  template <class Noise>
  Tensor operator()(const Tensor& x, const Tensor& denoised, double alpha_bar,
                    double next_alpha_bar, const Noise&) {
    const double level = half_log_snr(alpha_bar), next = half_log_snr(next_alpha_bar);
    const double h = next - level, before = level - last_level_;
    Tensor d = denoised;
    if (!last_.empty() && std::isfinite(h) && std::isfinite(before) && before > 0)
      d = axpby(1 + h / (2 * before), denoised, -h / (2 * before), last_);
    last_ = denoised;
    last_level_ = level;
    return axpby(std::sqrt((1 - next_alpha_bar) / (1 - alpha_bar)), x,
                 std::sqrt(next_alpha_bar) * -std::expm1(-h), d);
  }

 private:
  static double half_log_snr(double alpha_bar) {
    return 0.5 * (std::log(alpha_bar) - std::log1p(-alpha_bar));
  }

  Tensor last_;
  double last_level_ = 0;
};

}  // namespace lift
