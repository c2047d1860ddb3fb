// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lift/pyramid/copies.hpp>
#include <lift/sample/sample.hpp>

namespace lift {

/// The unit noise that a batch of images (B, C, H, W) starts from, scale 0 being the finest. It
/// depends on the seed, the scale and each image's number alone.
template <class Tensor, class Solver = ddim>
Tensor initial_noise(const shape& images, std::uint32_t scale,
                     const sampling_options<Solver>& options = {}) {
  return normal_noise<Tensor>(images, {options.seed, purpose::initial_noise, scale, 0},
                              options.first_sample);
}

/// The scales of a batch of images of shape (B, C, H, W), as the pyramid makes them, from noise of
/// their own: numbers options.first_sample, …, first_sample + B − 1 of all those the seed gives.
/// Otherwise as sample.
template <class Tensor, std::size_t N, class Denoiser, class Schedule, class Solver = ddim,
          class OnStep = ignore_step, class Pyramid = copies>
  requires(is_pyramid<Pyramid, Tensor, N>())
scales<Tensor, N> generate(const Denoiser& denoise, const Schedule& schedule,
                           const std::vector<scales<double, N>>& path, const shape& image,
                           const sampling_options<Solver>& options = {}, OnStep on_step = {},
                           const scales<held_images<Tensor>, N>& held = {},
                           const Pyramid& pyramid = {}) {
  const scales<shape, N> shapes = pyramid.template split<N>(image);
  const auto noise = make_scales<N>([&](std::size_t s) {
    return initial_noise<Tensor>(shapes[s], static_cast<std::uint32_t>(s), options);
  });
  return sample(denoise, schedule, path, noise, options, std::move(on_step), held);
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
