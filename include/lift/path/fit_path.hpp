// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/path/optimise_path.hpp>
#include <lift/path/path.hpp>

namespace lift {

/// The best path found, and its distance.
template <std::size_t N>
struct fitted_path {
  timestep_path<N> path;
  double distance;
};

/// Moves all evaluations of a path but the first until what is made along it is as near as it gets to what is
/// wanted, as LD3 (Tong et al. 2024, arXiv 2405.15506) does, here by central differences, so that any sampler
/// of any denoiser will do. distance(path) is to be positive and smooth: of what a deterministic solver makes of
/// given noise, say, the mean squared difference from what a fine path makes of it. Evaluations stay between
/// the first one and timestep 0, on as many clocks as there are scales unless `search` says one. Throws
/// lift::error as optimise_path, for no evaluation, and where the first timestep is pure noise, which has no log-SNR.
template <std::size_t N, noise_schedule Schedule, class Distance, class ForEach = one_after_another>
fitted_path<N> fit_path(const Schedule& schedule, const timestep_path<N>& guess, const Distance& distance,
                        const search_options& search = {}, const ForEach& for_each = {}) {
  validate(schedule);
  require_steps(guess.size());
  std::vector<scales<double, N>> levels =
      mapped_path(guess, [&](double t) { return log_snr_at(schedule, t); });
  levels.push_back(make_scales<N>([&](std::size_t) { return log_snr(schedule, 0); }));
  const auto path_of = [&](std::vector<scales<double, N>> at) {
    at.pop_back();  // the landing
    return mapped_path(at, [&](double level) { return timestep_from_log_snr(schedule, level); });
  };
  const auto found = optimise_path(
      levels, [&](const std::vector<scales<double, N>>& at) { return distance(path_of(at)); }, search,
      for_each);
  return {path_of(found.log_snrs), found.cost};
}

}  // namespace lift
