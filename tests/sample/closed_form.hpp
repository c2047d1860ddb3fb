// SPDX-License-Identifier: MIT
#pragma once

// A network in closed form: cheap, smooth, and each output depends on all four inputs.

#include <cmath>

#include <lift/model/model.hpp>
#include <lift/pyramid/copies.hpp>

#include <tensors.hpp>

namespace lift::test {

/// The noise in x_t when the pixels of x₀ are independent Gaussians of variance `power`, as a
/// multiple of x_t.
inline double gaussian_noise_share(double alpha_bar, double power = 0.25) {
  return std::sqrt(1 - alpha_bar) / (alpha_bar * power + 1 - alpha_bar);
}

/// Predicts the noise of Gaussian images; a little of each scale leaks into the other's output.
template <class Tensor>
struct closed_form_network {
  cosine_schedule schedule;

  scales<Tensor> operator()(const scales<Tensor>& x, const scales<timesteps>& t) const {
    using T = typename Tensor::value_type;
    const auto share = [&](std::size_t scale) {
      return static_cast<T>(gaussian_noise_share(alpha_bar_at(schedule, t[scale].at(0))));
    };
    const T a = share(0), b = share(1);
    return {axpby(a, x.fine(), b / 8, refine(x.coarse())),
            axpby(b, x.coarse(), a / 8, coarsen(x.fine()))};
  }
};

/// The denoiser that this network makes.
template <class Tensor>
model<closed_form_network<Tensor>> closed_form_denoiser(const cosine_schedule& schedule) {
  return {closed_form_network<Tensor>{schedule}, predicts_noise{}, schedule};
}
static_assert(denoiser<model<closed_form_network<tensor_d>>, tensor_d>);

}  // namespace lift::test
