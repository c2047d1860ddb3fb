// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/regime.hpp>

namespace lift {

/// The largest timestep is uniform, that of any scale, and the others are uniform below it: nearly equal noise
/// levels are seen more often than with independent ones (as patches' in AsyncPatch 2606.07079 and Patch
/// Forcing 2604.19141).
struct largest_first_regime {
  static constexpr const char* name = "largest-first";

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    const std::size_t first = stream.below(static_cast<std::uint32_t>(N), sample, choice_element);
    const std::size_t largest = uniform_timestep(stream, sample, first, num_timesteps);
    scales<std::size_t, N> t;
    for (std::size_t scale = 0; scale < N; ++scale)
      t[scale] = scale == first ? largest : uniform_timestep(stream, sample, scale, largest + 1);
    return t;
  }

 private:
  static constexpr std::uint64_t choice_element = 1000;  // beyond those of all scales
};

static_assert(regime<largest_first_regime>);

}  // namespace lift
