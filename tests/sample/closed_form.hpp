// SPDX-License-Identifier: MIT
#pragma once

// A denoiser in closed form: cheap, smooth, and each output depends on all four inputs.

#include <cmath>

#include <lift/model/denoiser.hpp>
#include <lift/schedule/cosine.hpp>

#include <tensors.hpp>

namespace lift::test {

/// The noise in x_t when the pixels of x₀ are independent Gaussians of variance `power`, as a
/// multiple of x_t.
inline double gaussian_noise_share(double alpha_bar, double power = 0.25) {
  return std::sqrt(1 - alpha_bar) / (alpha_bar * power + 1 - alpha_bar);
}

/// Predicts the noise of Gaussian images; a little of each scale leaks into the other's output.
template <class Tensor>
struct closed_form_denoiser {
  cosine_schedule schedule;

  scales<Tensor> operator()(const Tensor& fine, const Tensor& coarse, const timesteps& t_fine,
                            const timesteps& t_coarse) const {
    using T = typename Tensor::value_type;
    const auto share = [&](const timesteps& t) {
      return static_cast<T>(
          gaussian_noise_share(schedule.alpha_bar(static_cast<std::size_t>(t.at(0)))));
    };
    const T a = share(t_fine), b = share(t_coarse);
    return {axpby(a, fine, b / 8, refine(coarse)), axpby(b, coarse, a / 8, coarsen(fine))};
  }
};
static_assert(denoiser<closed_form_denoiser<tensor_d>, tensor_d>);

}  // namespace lift::test
