// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/analysis/sample_mean.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/model/estimator.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/tensor/noise.hpp>

namespace lift {

/// Mean-squared error of what is estimated of each scale, noise or clean image, per element, and their
/// mean; averages over images, with the standard errors of that average.
template <std::size_t N = 2>
struct denoising_error {
  scales<sample_mean, N> of;
  sample_mean mean;
};

struct denoising_error_options {
  estimate wanted = estimate::noise;  ///< whose error is measured
  std::size_t timestep = 500;         ///< of a noisy scale
  std::size_t batch_size = 32;
  std::uint64_t seed = 42;
};

/// How the same images are shown: all scales noisy, or one of them clean.
template <std::size_t N = 2>
struct denoising_errors {
  denoising_error<N> all_noisy;
  scales<denoising_error<N>, N> one_clean;  ///< of the scale that is clean
};

/// Measures how well a denoiser finds the noise, or the clean images, in the N scales that the pyramid
/// makes of clean images (B, C, H, W). A clean scale is given as it is, at t = 0, and its noise is zero,
/// as in the reference's MSE test, which is of the noise. That is a small part of what is seen at t = 0,
/// so that for a denoiser that predicts something else it is x̂₀ whose errors say something. All cases
/// share their noise. Throws lift::error as validate(schedule) does.
template <std::size_t N = 2, class Tensor, class Denoiser, class Schedule, class Pyramid = copies>
  requires(is_denoiser<Denoiser, Tensor, N>() && is_noise_schedule<Schedule>() &&
           is_pyramid<Pyramid, Tensor, N>())
denoising_errors<N> measure_denoising_errors(const Denoiser& denoise, const Schedule& schedule,
                                             const Tensor& clean,
                                             const denoising_error_options& options = {},
                                             const Pyramid& pyramid = {}) {
  validate(schedule);
  require(clean.shape().rank() == 4 && clean.size() > 0, "images to denoise", clean.shape(),
          "(B, C, H, W)");
  require(options.batch_size > 0, "batch size", options.batch_size, "at least 1");
  const estimator<const Denoiser&, const Schedule&> estimate_of{denoise, schedule, options.wanted};
  const auto measure = [&](std::size_t clean_scale) {
    scales<std::vector<double>, N> errors;  // of each image
    for (std::size_t first = 0; first < clean.shape()[0]; first += options.batch_size) {
      stoppable::check();
      scales<Tensor, N> x = pyramid.template split<N>(
          clean.rows(first, std::min(clean.shape()[0], first + options.batch_size)));
      const scales<Tensor, N> images = x;
      scales<Tensor, N> noise;
      scales<timesteps, N> t;
      for (std::size_t scale = 0; scale < N; ++scale) {
        if (scale == clean_scale) {
          noise[scale] = zeros<Tensor>(x[scale].shape());
          t[scale] = {0};
          continue;
        }
        const random_stream stream{options.seed, purpose::evaluation_noise,
                                   static_cast<std::uint32_t>(scale)};
        noise[scale] = normal_noise<Tensor>(x[scale].shape(), stream, first);
        t[scale] = {static_cast<double>(options.timestep)};
        x[scale] = add_noise(alpha_bars(schedule, t[scale]), x[scale], noise[scale]);
      }
      const scales<Tensor, N> y = estimate_of(x, t);
      const scales<Tensor, N>& truth = options.wanted == estimate::noise ? noise : images;
      for (std::size_t scale = 0; scale < N; ++scale) {
        const std::size_t elements = truth[scale].size() / truth[scale].shape()[0];
        for (const double squares :
             image_sums(kernel::squared_difference{}, y[scale], truth[scale]))
          errors[scale].push_back(squares / static_cast<double>(elements));
      }
    }
    std::vector<double> mean(errors[0].size());
    for (std::size_t i = 0; i < mean.size(); ++i) {
      for (const auto& of_scale : errors) mean[i] += of_scale[i];
      mean[i] /= static_cast<double>(N);
    }
    return denoising_error<N>{
        make_scales<N>([&](std::size_t scale) { return mean_of(errors[scale]); }), mean_of(mean)};
  };
  denoising_errors<N> errors{measure(N), {}};
  for (std::size_t scale = N; scale-- > 0;) errors.one_clean[scale] = measure(scale);
  return errors;
}

}  // namespace lift
