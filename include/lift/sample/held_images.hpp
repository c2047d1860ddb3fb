// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include <lift/tensor/noise.hpp>

namespace lift {

/// The images (B, C, H, W) of a scale that a denoiser is shown at each step while the other scales
/// are sampled; an empty one holds nothing.
template <class Tensor>
using held_images = std::function<Tensor(std::size_t step)>;

/// The same images at every step: clean ones, or one fixed noise.
template <class Tensor>
struct fixed_images {
  Tensor images;

  Tensor operator()(std::size_t) const { return images; }
};

/// Fresh unit noise at every step.
template <class Tensor>
struct fresh_noise {
  lift::shape shape;  ///< (B, C, H, W)
  std::uint32_t scale = 1;
  std::uint64_t seed = 42;
  std::uint64_t first_sample = 0;

  Tensor operator()(std::size_t step) const {
    const random_stream stream{seed, purpose::step_noise, scale, static_cast<std::uint32_t>(step)};
    return normal_noise<Tensor>(shape, stream, first_sample);
  }
};

}  // namespace lift
