// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/regime.hpp>

namespace lift {

/// As independent_regime, but for a share of the samples as diagonal_regime: sampling spends much of its time
/// where noise levels are nearly equal, which independent ones seldom are.
struct mixed_regime {
  static constexpr const char* name = "mixed";

  double diagonal_share = 0.5;

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    const bool on_diagonal = stream.uniform(sample, choice_element) < diagonal_share;
    scales<std::size_t, N> t;
    for (std::size_t scale = 0; scale < N; ++scale)
      t[scale] = uniform_timestep(stream, sample, on_diagonal ? 0 : scale, num_timesteps);
    return t;
  }

 private:
  static constexpr std::uint64_t choice_element = 1000;  // beyond those of all scales
};

static_assert(regime<mixed_regime>);

}  // namespace lift
