// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <vector>

#include <lift/sample/generate.hpp>
#include <lift/schedule/any_schedule.hpp>

#include "any_network.hpp"

namespace lift::cli {

/// The fine images of a batch of the given shape along a path, whether the network has two scales
/// or one.
template <class Prediction, class OnStep = ignore_step>
tensor_type generate_fine(const any_network& network, const any_schedule& schedule,
                          const timestep_path& path, const shape& images,
                          const sampling_options<>& options, OnStep on_step = {}) {
  if (!network.has_one_scale())
    return generate<tensor_type, Prediction>(network, schedule, path, images, options,
                                             std::move(on_step))
        .fine;
  std::vector<std::size_t> timesteps_of_path;
  for (const timestep_pair& t : path) timesteps_of_path.push_back(t.fine);
  return generate<tensor_type, Prediction>(network, schedule, timesteps_of_path, images, options,
                                           std::move(on_step));
}

}  // namespace lift::cli
