// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <lift/backend/noise.hpp>

namespace lift {

/// A coarse input gives the coarse images that a denoiser is shown at each step while the fine ones
/// alone are sampled.
template <class Input, class Tensor>
concept coarse_input = requires(const Input& input, std::size_t step) {
  { input(step) } -> std::convertible_to<Tensor>;
};

/// True of a coarse input; of anything else it does not compile, and says what is wanted.
template <class Input, class Tensor>
constexpr bool is_coarse_input() {
  constexpr bool holds = coarse_input<Input, Tensor>;
  static_assert(holds,
                "a coarse input is to be callable, when const, as coarse(step) -> Tensor; images "
                "that stay the same are lift::fixed_coarse{images}");
  return holds;
}

/// The same images at every step: clean ones, or one fixed noise.
template <class Tensor>
struct fixed_coarse {
  Tensor images;

  Tensor operator()(std::size_t) const { return images; }
};

/// Fresh unit noise at every step.
template <class Tensor>
struct random_coarse {
  lift::shape shape;  ///< (B, C, H, W) of the coarse images
  std::uint64_t seed = 42;
  std::uint64_t first_sample = 0;

  Tensor operator()(std::size_t step) const {
    const random_stream stream{seed, purpose::step_noise, 1, static_cast<std::uint32_t>(step)};
    return normal_noise<Tensor>(shape, stream, first_sample);
  }
};

}  // namespace lift
