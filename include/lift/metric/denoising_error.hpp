// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/analysis/sample_mean.hpp>
#include <lift/backend/noise.hpp>
#include <lift/model/estimator.hpp>
#include <lift/op/mean_squared_error.hpp>

namespace lift {

/// Mean-squared error of the noise prediction of each scale, per element, and their mean; averages
/// over images, with the standard errors of that average.
struct denoising_error {
  sample_mean fine, coarse, mean;
};

/// The same images with both scales noisy, with a clean coarse image, and with a clean fine one.
struct denoising_errors {
  denoising_error both_noisy, coarse_clean, fine_clean;
};

struct denoising_error_options {
  std::size_t timestep = 500;  ///< of a noisy scale
  std::size_t batch_size = 32;
  std::uint64_t seed = 42;
};

/// Measures how well a denoiser that predicts `Prediction` finds the noise in clean fine images
/// (B, C, H, W) and their 2×2 means. A clean scale is given as it is, at t = 0, and its noise is
/// zero, as in the reference's MSE test. The three cases share their noise.
/// Throws lift::error as validate(schedule) does.
template <class Prediction = predicts_noise, class Tensor, class Denoiser, class Schedule>
  requires(is_prediction<Prediction>() && is_denoiser<Denoiser, Tensor>() &&
           is_noise_schedule<Schedule>())
denoising_errors measure_denoising_errors(const Denoiser& denoise, const Schedule& schedule,
                                          const Tensor& clean,
                                          const denoising_error_options& options = {}) {
  validate(schedule);
  require(clean.shape().rank() == 4 && clean.size() > 0, "images to denoise", clean.shape(),
          "(B, C, H, W)");
  require(options.batch_size > 0, "batch size", options.batch_size, "at least 1");
  const estimator<const Denoiser&, const Schedule&, Prediction> noise_of{denoise, schedule};
  struct scale_input {
    Tensor x, noise;
    timesteps t;
  };
  const auto input = [&](const Tensor& image, std::uint32_t scale, std::size_t first, bool noisy) {
    if (!noisy) return scale_input{image, zeros<Tensor>(image.shape()), {0}};
    const timesteps t{static_cast<double>(options.timestep)};
    const random_stream stream{options.seed, purpose::evaluation_noise, scale};
    const Tensor noise = normal_noise<Tensor>(image.shape(), stream, first);
    return scale_input{add_noise(alpha_bars(schedule, t), image, noise), noise, t};
  };
  const auto measure = [&](bool fine_noisy, bool coarse_noisy) {
    std::vector<double> fine, coarse, mean;  // of each image
    for (std::size_t first = 0; first < clean.shape()[0]; first += options.batch_size) {
      const Tensor images =
          clean.rows(first, std::min(clean.shape()[0], first + options.batch_size));
      const scale_input f = input(images, 0, first, fine_noisy);
      const scale_input c = input(coarsen(images), 1, first, coarse_noisy);
      const auto y = noise_of(f.x, c.x, f.t, c.t);
      const auto add_errors = [](std::vector<double>& to, const Tensor& got, const Tensor& want) {
        const std::size_t elements = want.size() / want.shape()[0];
        for (const double squares : image_sums(op::squared_difference_functor{}, got, want))
          to.push_back(squares / static_cast<double>(elements));
      };
      add_errors(fine, y.fine, f.noise);
      add_errors(coarse, y.coarse, c.noise);
    }
    for (std::size_t i = 0; i < fine.size(); ++i) mean.push_back((fine[i] + coarse[i]) / 2);
    return denoising_error{mean_of(fine), mean_of(coarse), mean_of(mean)};
  };
  return {measure(true, true), measure(true, false), measure(false, true)};
}

}  // namespace lift
