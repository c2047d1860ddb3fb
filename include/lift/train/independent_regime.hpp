// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/regime.hpp>

namespace lift {

/// The timesteps of the scales are independent and uniform. The network learns the whole cube of
/// timesteps, so any path can be sampled.
struct independent_regime {
  static constexpr const char* name = "independent";

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    scales<std::size_t, N> t;
    for (std::size_t scale = 0; scale < N; ++scale)
      t[scale] = uniform_timestep(stream, sample, scale, num_timesteps);
    return t;
  }
};

static_assert(regime<independent_regime>);

}  // namespace lift
