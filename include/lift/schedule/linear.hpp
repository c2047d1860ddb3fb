// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/schedule/tabulated_schedule.hpp>

namespace lift {

/// The linear schedule (Ho et al. 2020): β rises evenly from `first` at t = 0 to `last` at T − 1.
class linear_schedule : public tabulated_schedule {
 public:
  explicit linear_schedule(std::size_t num_timesteps = 1000, float first = 1e-4F,
                           float last = 0.02F)
      : tabulated_schedule(alpha_bar_from_beta(num_timesteps, [=](std::size_t t) {
          // From the nearer end, as torch.linspace does, so that both ends are exact.
          const std::size_t steps = num_timesteps - 1;
          const float step = (last - first) / static_cast<float>(steps);
          return t < num_timesteps / 2 ? first + step * static_cast<float>(t)
                                       : last - step * static_cast<float>(steps - t);
        })) {}
};

static_assert(noise_schedule<linear_schedule>);

}  // namespace lift
