// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <vector>

#include <lift/analysis/heatmap.hpp>
#include <lift/core/error.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/schedule/tabulated_schedule.hpp>

namespace lift {

/// The timesteps at which the network is evaluated once.
struct timestep_pair {
  std::size_t fine, coarse;
  friend bool operator==(const timestep_pair&, const timestep_pair&) = default;
};

/// The evaluations of one sampling run, from noisy to clean; the step after the last lands on the
/// sample, so a path need not reach t = 0.
using timestep_path = std::vector<timestep_pair>;

/// A cell of a heatmap.
struct cell {
  std::size_t fine, coarse;
  friend bool operator==(const cell&, const cell&) = default;
};
using cell_path = std::vector<cell>;

/// The SNR of each scale.
struct snr_pair {
  double fine, coarse;
};
using snr_path = std::vector<snr_pair>;

/// A path policy spends a number of steps on the way from noise to a clean image, guided by the
/// error heatmap, on schedules of a given type.
template <class Policy, class Schedule = tabulated_schedule>
concept path_policy = requires(const Policy& policy, const error_heatmap& heatmap,
                               const Schedule& schedule, std::size_t steps) {
  { policy(heatmap, schedule, steps) } -> std::same_as<timestep_path>;
};

/// Throws lift::error if there is no step to take.
inline void require_steps(std::size_t steps) {
  require(steps >= 1, "number of steps", steps, "at least 1");
}

/// The cells (i, columns[i]).
inline cell_path cells_from_columns(const std::vector<std::size_t>& columns) {
  cell_path path;
  for (const std::size_t column : columns) path.push_back({path.size(), column});
  return path;
}

/// The SNRs of a path of cells.
inline snr_path snr_of(const cell_path& cells, const error_heatmap& heatmap) {
  snr_path path;
  for (const cell& c : cells) path.push_back({heatmap.gamma[c.fine], heatmap.gamma[c.coarse]});
  return path;
}

/// The SNRs of a path of timesteps, to draw it on a heatmap.
template <noise_schedule Schedule>
snr_path snr_of(const timestep_path& pairs, const Schedule& schedule) {
  snr_path path;
  for (const timestep_pair& t : pairs)
    path.push_back({snr(schedule, t.fine), snr(schedule, t.coarse)});
  return path;
}

/// The timesteps nearest to a path of SNRs.
template <noise_schedule Schedule>
timestep_path timesteps_of(const snr_path& nodes, const Schedule& schedule) {
  timestep_path path;
  for (const snr_pair& node : nodes)
    path.push_back({timestep_from_snr(schedule, node.fine),
                    timestep_from_snr(schedule, node.coarse)});
  return path;
}

/// The timesteps at which the heatmap evaluated a path of cells.
inline timestep_path timesteps_of(const cell_path& cells, const error_heatmap& heatmap) {
  timestep_path path;
  for (const cell& c : cells)
    path.push_back({heatmap.timesteps[c.fine], heatmap.timesteps[c.coarse]});
  return path;
}

}  // namespace lift
