// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/schedule/tabulated_schedule.hpp>

namespace lift {

/// Any schedule with √ᾱ shifted and scaled so that the first timestep keeps its ᾱ and the last has
/// none: √ᾱ'_t = √ᾱ_0 · (√ᾱ_t − √ᾱ_{T−1}) / (√ᾱ_0 − √ᾱ_{T−1}) (Lin et al. 2023, algorithm 1).
/// Pure noise is then the exact start, for a network that does not predict the noise.
template <noise_schedule Schedule>
class zero_terminal_snr : public tabulated_schedule {
 public:
  explicit zero_terminal_snr(const Schedule& schedule = Schedule())
      : tabulated_schedule(rescaled(schedule)) {}

 private:
  static std::vector<double> rescaled(const Schedule& schedule) {
    validate(schedule);
    const std::size_t size = schedule.num_timesteps();
    const double first = std::sqrt(schedule.alpha_bar(0));
    const double last = std::sqrt(schedule.alpha_bar(size - 1));
    std::vector<double> result;
    for (std::size_t t = 0; t < size; ++t) {
      const double kept = (std::sqrt(schedule.alpha_bar(t)) - last) / (first - last);
      result.push_back(schedule.alpha_bar(0) * kept * kept);
    }
    return result;
  }
};

static_assert(noise_schedule<zero_terminal_snr<tabulated_schedule>>);

}  // namespace lift
