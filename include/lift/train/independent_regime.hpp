// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/regime.hpp>

namespace lift {

/// t_fine and t_coarse are independent and uniform; both losses count. The network learns the
/// whole square of timestep pairs, so any path can be sampled.
struct independent_regime {
  static constexpr const char* name = "independent";

  LIFT_HD timestep_pair draw(const random_stream& stream, std::uint64_t sample,
                             std::size_t num_timesteps) const {
    return {uniform_timestep(stream, sample, 0, num_timesteps),
            uniform_timestep(stream, sample, 1, num_timesteps)};
  }
  scales<double> loss_weights() const { return {1, 1}; }
};

static_assert(regime<independent_regime>);

}  // namespace lift
