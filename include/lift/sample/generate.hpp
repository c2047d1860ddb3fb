// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lift/sample/sample.hpp>

namespace lift {

/// The unit noise that a batch of images (B, C, H, W) starts from, scale 0 the fine and 1 the
/// coarse. It depends on the seed, the scale and each image's number alone.
template <class Tensor, class Stepper = ddim>
Tensor initial_noise(const shape& images, std::uint32_t scale,
                     const sampling_options<Stepper>& options = {}) {
  return normal_noise<Tensor>(images, {options.seed, purpose::initial_noise, scale, 0},
                              options.first_sample);
}

/// A batch of images, fine ones of shape (B, C, H, W) with their coarse ones, from noise of their
/// own: numbers options.first_sample, …, first_sample + B − 1 of all those the seed gives.
/// Otherwise as sample_scales.
template <class Tensor, class Prediction = predicts_noise, class Stepper = ddim, class Denoiser,
          class Schedule, class OnStep = ignore_step>
  requires(!single_scale_denoiser<Denoiser, Tensor> || denoiser<Denoiser, Tensor>)
scales<Tensor> generate(const Denoiser& denoise, const Schedule& schedule,
                        const timestep_path& path, const shape& fine,
                        const sampling_options<Stepper>& options = {}, OnStep on_step = {}) {
  const scales noise{initial_noise<Tensor>(fine, 0, options),
                     initial_noise<Tensor>(coarsen(fine), 1, options)};
  return sample_scales<Prediction>(denoise, schedule, path, noise, options, std::move(on_step));
}

/// The same with a single-scale denoiser along a list of timesteps, as sample_single.
template <class Tensor, class Prediction = predicts_noise, class Stepper = ddim, class Denoiser,
          class Schedule, class OnStep = ignore_step>
  requires(!denoiser<Denoiser, Tensor> || single_scale_denoiser<Denoiser, Tensor>)
Tensor generate(const Denoiser& denoise, const Schedule& schedule,
                const std::vector<std::size_t>& path, const shape& images,
                const sampling_options<Stepper>& options = {}, OnStep on_step = {}) {
  return sample_single<Prediction>(denoise, schedule, path,
                                   initial_noise<Tensor>(images, 0, options), options,
                                   std::move(on_step));
}

/// Calls make(first, n) for images first … first + n − 1, n at most `batch_size`, until `count`
/// images from `first_sample` on are made. Throws lift::error for batches of none.
template <class Make>
void in_batches(std::uint64_t first_sample, std::size_t count, std::size_t batch_size,
                const Make& make) {
  require(batch_size >= 1, "batch size", batch_size, "at least 1");
  for (std::size_t done = 0; done < count; done += batch_size)
    make(first_sample + done, std::min(batch_size, count - done));
}

}  // namespace lift
