// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>

#include <lift/schedule/tabulated_schedule.hpp>

namespace lift {

/// Bounds on the β of a cosine schedule: the reference's, whose SNR ends at 0.003 rather than 0,
/// and the usual one, which only keeps the last β from reaching 1.
struct beta_range {
  float min, max;

  constexpr float clamp(float beta) const { return beta < min ? min : beta > max ? max : beta; }
  static constexpr beta_range clipped() { return {1e-4F, 0.02F}; }
  static constexpr beta_range unclipped() { return {0, 0.999F}; }
};

/// The cosine schedule (Nichol & Dhariwal 2021): f(t) = cos²((t/T + 0.008)/1.008 · π/2),
/// β_t = clip(1 − f(t + 1)/f(t)), in float32 as the reference computes it.
class cosine_schedule : public tabulated_schedule {
 public:
  explicit cosine_schedule(std::size_t num_timesteps = 1000,
                           beta_range range = beta_range::clipped())
      : tabulated_schedule(alpha_bar_from_beta(num_timesteps, [=](std::size_t t) {
          const float ratio = unclipped_alpha_bar(t + 1, num_timesteps) /
                              unclipped_alpha_bar(t, num_timesteps);
          return range.clamp(1.0F - ratio);
        })) {}

 private:
  static float unclipped_alpha_bar(std::size_t t, std::size_t num_timesteps) {
    return squared_cosine(t, num_timesteps) / squared_cosine(0, num_timesteps);
  }

  // The cosine itself goes through double, so that every C library gives the same table.
  static float squared_cosine(std::size_t t, std::size_t num_timesteps) {
    const float fraction = static_cast<float>(t) / static_cast<float>(num_timesteps);
    const float angle = (fraction + 0.008F) / 1.008F * (std::numbers::pi_v<float> / 2);
    const auto cosine = static_cast<float>(std::cos(static_cast<double>(angle)));
    return cosine * cosine;
  }
};

static_assert(noise_schedule<cosine_schedule>);

}  // namespace lift
