// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/path/discretise.hpp>

namespace lift {

/// A path through given SNR nodes, noisy to clean, as read from a file; looks at no heatmap.
template <std::size_t N = 2>
struct given_path {
  snr_path<N> nodes;
  start_level start = start_level::noisiest;

  template <noise_schedule Schedule>
  timestep_path<N> operator()(const error_heatmap<N>&, const Schedule& schedule,
                              std::size_t steps) const {
    return discretise(nodes, schedule, steps, start);
  }
};

static_assert(path_policy<given_path<>>);

}  // namespace lift
