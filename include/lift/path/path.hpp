// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/core/error.hpp>
#include <lift/core/scales.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/schedule/tabulated_schedule.hpp>

namespace lift {

/// The evaluations of one sampling run, each at a timestep of every scale, from noisy to clean; the
/// step after the last lands on the sample, so a path need not reach t = 0. Timesteps may be
/// fractional.
template <std::size_t N = 2>
using timestep_path = std::vector<scales<double, N>>;

/// A path of cells of a heatmap.
template <std::size_t N = 2>
using cell_path = std::vector<cell<N>>;

/// The SNRs of a path.
template <std::size_t N = 2>
using snr_path = std::vector<scales<double, N>>;

/// A path policy spends a number of steps on the way from noise to a clean image, guided by the
/// error heatmap, on schedules of a given type.
template <class Policy, class Schedule = tabulated_schedule, std::size_t N = 2>
concept path_policy = requires(const Policy& policy, const error_heatmap<N>& heatmap,
                               const Schedule& schedule, std::size_t steps) {
  { policy(heatmap, schedule, steps) } -> std::same_as<timestep_path<N>>;
};

/// Throws lift::error if there is no step to take.
inline void require_steps(std::size_t steps) {
  require(steps >= 1, "number of steps", steps, "at least 1");
}

/// The cells (i, columns[i]).
inline cell_path<> cells_from_columns(const std::vector<std::size_t>& columns) {
  cell_path<> path;
  for (const std::size_t column : columns) path.push_back({path.size(), column});
  return path;
}

/// f(number) of every scale of every point along a path.
template <std::size_t N, class T, class F>
auto mapped_path(const std::vector<scales<T, N>>& path, const F& f) {
  std::vector<scales<double, N>> result;
  for (const scales<T, N>& point : path)
    result.push_back(
        make_scales<N>([&](std::size_t s) { return static_cast<double>(f(point[s])); }));
  return result;
}

/// The SNRs of a path of cells.
template <std::size_t N>
snr_path<N> snr_of(const cell_path<N>& cells, const error_heatmap<N>& heatmap) {
  return mapped_path(cells, [&](std::size_t i) { return heatmap.gamma[i]; });
}

/// The SNRs of a path of timesteps, to draw it on a heatmap.
template <std::size_t N, noise_schedule Schedule>
snr_path<N> snr_of(const std::vector<scales<double, N>>& path, const Schedule& schedule) {
  return mapped_path(path, [&](double t) { return snr_at(schedule, t); });
}

/// The whole timesteps nearest to a path of SNRs.
template <std::size_t N, noise_schedule Schedule>
timestep_path<N> timesteps_of(const std::vector<scales<double, N>>& nodes,
                              const Schedule& schedule) {
  return mapped_path(nodes, [&](double gamma) { return timestep_from_snr(schedule, gamma); });
}

/// The timesteps at which the heatmap evaluated a path of cells.
template <std::size_t N>
timestep_path<N> timesteps_of(const cell_path<N>& cells, const error_heatmap<N>& heatmap) {
  return mapped_path(cells, [&](std::size_t i) { return heatmap.timesteps[i]; });
}

}  // namespace lift
