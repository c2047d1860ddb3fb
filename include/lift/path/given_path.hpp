// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/path/discretise.hpp>

namespace lift {

/// A path through given SNR nodes, noisy to clean, as read from a file; looks at no heatmap.
struct given_path {
  snr_path nodes;
  start_level start = start_level::noisiest;

  template <noise_schedule Schedule>
  timestep_path operator()(const error_heatmap&, const Schedule& schedule,
                           std::size_t steps) const {
    return discretise(nodes, schedule, steps, start);
  }
};

static_assert(path_policy<given_path>);

}  // namespace lift
