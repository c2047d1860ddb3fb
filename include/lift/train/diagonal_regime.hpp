// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/regime.hpp>

namespace lift {

/// t_coarse = t_fine, uniform; both losses count. Such a network can only be sampled along the
/// diagonal.
struct diagonal_regime {
  static constexpr const char* name = "diagonal";

  LIFT_HD timestep_pair draw(const random_stream& stream, std::uint64_t sample,
                             std::size_t num_timesteps) const {
    const std::size_t t = uniform_timestep(stream, sample, 0, num_timesteps);
    return {t, t};
  }
  scales<double> loss_weights() const { return {1, 1}; }
};

static_assert(regime<diagonal_regime>);

}  // namespace lift
