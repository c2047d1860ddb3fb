// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <lift/path/path.hpp>

namespace lift {

/// Where a path found on a heatmap begins: at timestep T − 1, where unit noise is nearly the right
/// input, or at the heatmap's first node, as the reference does.
enum class start_level { noisiest, first_node };

/// Extends a path that runs from `first` to `last` so that exactly `steps` evaluations go from the
/// noisiest timestep to clean: puts T − 1 of every scale before it unless it begins there, and
/// leaves out a last 0 of every scale, which is the landing. `along(n)` is that path in n places.
template <std::size_t N, noise_schedule Schedule, class Along>
timestep_path<N> from_noisiest(const Schedule& schedule, std::size_t steps,
                               const scales<double, N>& first, const scales<double, N>& last,
                               Along along) {
  const auto everywhere = [](double t) { return make_scales<N>([=](std::size_t) { return t; }); };
  const auto noisiest = everywhere(static_cast<double>(schedule.num_timesteps() - 1));
  const bool starts_later = !(first == noisiest), lands = last == everywhere(0);
  if (starts_later && steps == 1) return {noisiest};
  timestep_path<N> path = along(steps - (starts_later ? 1 : 0) + (lands ? 1 : 0));
  if (lands) path.pop_back();
  if (starts_later) path.insert(path.begin(), noisiest);
  return path;
}

/// `count` points of the polyline through `nodes` in the space of the scales' log γ, with γ_fine
/// log-spaced from the first node to the last. Throws lift::error unless there are two nodes or
/// more, all SNRs are positive and γ_fine rises.
template <std::size_t N = 2>
std::vector<scales<double, N>> interpolate(const std::vector<scales<double, N>>& nodes,
                                           std::size_t count) {
  require(nodes.size() >= 2, "number of path nodes", nodes.size(), "at least 2");
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const double previous = i == 0 ? 0 : nodes[i - 1].fine();
    bool positive = true;
    for (const double gamma : nodes[i]) positive = positive && gamma > 0;
    if (positive && nodes[i].fine() > previous) continue;
    std::string got;
    for (const double gamma : nodes[i]) got += (got.empty() ? "" : ", ") + text(gamma);
    throw error(text("path node ", i, ": got SNRs (", got, "), want a fine one above ", previous,
                     " and positive ones"));
  }

  const double begin = std::log10(nodes.front().fine()), end = std::log10(nodes.back().fine());
  std::vector<scales<double, N>> path;
  std::size_t right = 1;
  for (std::size_t k = 0; k < count; ++k) {
    const double part = k == 0 ? 0 : static_cast<double>(k) / static_cast<double>(count - 1);
    const double fine = begin + part * (end - begin);
    while (right + 1 < nodes.size() && std::log10(nodes[right].fine()) < fine) ++right;
    const auto &a = nodes[right - 1], &b = nodes[right];
    const double position = (fine - std::log10(a.fine())) / std::log10(b.fine() / a.fine());
    const double between = position < 0 ? 0 : position > 1 ? 1 : position;
    path.push_back(make_scales<N>([&](std::size_t scale) {
      if (scale == 0) return std::pow(10, fine);
      return std::pow(10, std::log10(a[scale]) + between * std::log10(b[scale] / a[scale]));
    }));
  }
  return path;
}

/// Spends `steps` evaluations along a path of SNR nodes, by `interpolate` and the nearest
/// timesteps. Throws lift::error as `interpolate` and validate(schedule) do, or for no steps.
template <std::size_t N = 2, noise_schedule Schedule>
timestep_path<N> discretise(const std::vector<scales<double, N>>& nodes, const Schedule& schedule,
                            std::size_t steps, start_level start = start_level::noisiest) {
  require_steps(steps);
  validate(schedule);
  const auto along = [&](std::size_t count) {
    return timesteps_of(interpolate(nodes, count), schedule);
  };
  if (start == start_level::first_node) return along(steps);
  const timestep_path<N> ends = along(2);
  return from_noisiest(schedule, steps, ends.front(), ends.back(), along);
}

}  // namespace lift
