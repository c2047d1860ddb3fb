// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <lift/core/error.hpp>
#include <lift/train/regime.hpp>

namespace lift {

/// The finest timestep is uniform, and each other is that share of the next finer one, rounded down: the
/// reference's t_coarse = int(0.8·t_fine).
class ratio_regime {
 public:
  static constexpr const char* name = "ratio";

  ratio_regime() = default;
  /// Throws lift::error unless the ratio is 0 to 1.
  explicit ratio_regime(double ratio) : ratio_(ratio) {
    require(ratio >= 0 && ratio <= 1, "ratio of a ratio regime", ratio, "0 to 1");
  }
  double ratio() const { return ratio_; }

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    scales<std::size_t, N> t;
    t[0] = uniform_timestep(stream, sample, 0, num_timesteps);
    for (std::size_t scale = 1; scale < N; ++scale)
      t[scale] = static_cast<std::size_t>(ratio_ * static_cast<double>(t[scale - 1]));
    return t;
  }

 private:
  double ratio_ = 0.8;
};

static_assert(regime<ratio_regime>);

}  // namespace lift
