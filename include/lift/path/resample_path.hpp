// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/path/path.hpp>

namespace lift {

/// So many steps along the way of a path: of each scale's timesteps, with timestep 0 after the last, the
/// polyline, which is divided so that as many new points come to each step of the old path. Throws lift::error
/// for an empty path or no steps.
template <std::size_t N>
timestep_path<N> resample_path(const timestep_path<N>& path, std::size_t steps) {
  require_steps(path.size());
  require_steps(steps);
  timestep_path<N> result;
  for (std::size_t k = 0; k < steps; ++k) {
    const std::size_t place = k * path.size(), left = place / steps;
    const double part = static_cast<double>(place % steps) / static_cast<double>(steps);
    result.push_back(make_scales<N>([&](std::size_t s) {
      const double from = path[left][s], to = left + 1 < path.size() ? path[left + 1][s] : 0;
      return from + part * (to - from);
    }));
  }
  return result;
}

}  // namespace lift
