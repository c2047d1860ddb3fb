// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lift/sample/sample.hpp>

namespace lift {

/// The unit noise that a batch of images (B, C, H, W) starts from, scale 0 being the finest. It
/// depends on the seed, the scale and each image's number alone.
template <class Tensor, class Solver = ddim, class Pyramid = copies>
Tensor initial_noise(const shape& images, std::uint32_t scale,
                     const sampling_options<Solver, Pyramid>& options = {}) {
  return normal_noise<Tensor>(images, {options.seed, purpose::initial_noise, scale, 0},
                              options.first_sample);
}

/// What sampling of a batch of images of shape (B, C, H, W) starts from: unit noise of every scale that the
/// pyramid makes, numbers options.first_sample, …, first_sample + B − 1 of all those the seed gives.
template <class Tensor, std::size_t N, class Solver = ddim, class Pyramid = copies>
  requires(is_pyramid<Pyramid, Tensor, N>())
scales<Tensor, N> initial_noises(const shape& image,
                                 const sampling_options<Solver, Pyramid>& options = {}) {
  const scales<shape, N> shapes = options.pyramid.template split<N>(image);
  return make_scales<N>([&](std::size_t s) {
    return initial_noise<Tensor>(shapes[s], static_cast<std::uint32_t>(s), options);
  });
}

/// What sampling starts from that is to change given clean images (B, C, H, W): their scales with that noise
/// at the first timesteps of a path, which then has only the last part of a way (SDEdit, Meng et al. 2021).
template <std::size_t N, class Tensor, class Schedule, class Solver = ddim, class Pyramid = copies>
  requires(is_pyramid<Pyramid, Tensor, N>() && is_noise_schedule<Schedule>())
scales<Tensor, N> noised_images(const Schedule& schedule, const scales<double, N>& first,
                                const Tensor& images,
                                const sampling_options<Solver, Pyramid>& options = {}) {
  const scales<Tensor, N> clean = options.pyramid.template split<N>(images);
  const auto noise = initial_noises<Tensor, N>(images.shape(), options);
  return make_scales<N>([&](std::size_t s) {
    return add_noise(alpha_bars(schedule, {first[s]}), clean[s], noise[s]);
  });
}

/// The scales of a batch of images of shape (B, C, H, W), as the pyramid makes them, from noise of
/// their own: numbers options.first_sample, …, first_sample + B − 1 of all those the seed gives.
/// Otherwise as sample.
template <class Tensor, std::size_t N, class Denoiser, class Schedule, class Solver = ddim,
          class OnStep = ignore_step, class Pyramid = copies>
  requires(is_pyramid<Pyramid, Tensor, N>())
scales<Tensor, N> generate(const Denoiser& denoise, const Schedule& schedule,
                           const std::vector<scales<double, N>>& path, const shape& image,
                           const sampling_options<Solver, Pyramid>& options = {},
                           OnStep on_step = {},
                           const scales<held_images<Tensor>, N>& held = {}) {
  return sample(denoise, schedule, path, initial_noises<Tensor, N>(image, options), options,
                std::move(on_step), held);
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
