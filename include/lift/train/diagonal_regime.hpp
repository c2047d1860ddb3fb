// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/regime.hpp>

namespace lift {

/// One timestep for all scales, uniform. Such a network can only be sampled along the diagonal.
struct diagonal_regime {
  static constexpr const char* name = "diagonal";

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    scales<std::size_t, N> t;
    for (std::size_t& each : t.values) each = uniform_timestep(stream, sample, 0, num_timesteps);
    return t;
  }
};

static_assert(regime<diagonal_regime>);

}  // namespace lift
