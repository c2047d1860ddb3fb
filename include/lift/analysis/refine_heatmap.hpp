// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/analysis/heatmap_axis.hpp>

namespace lift {

/// The errors of each scale on `points` SNRs along every axis, evenly spaced in λ = log γ between the same
/// ends: linear in λ between neighbours, of the errors' logarithms where all of these are positive. Without
/// other blocks and standard errors. Throws lift::error as validate(heatmap) and log_snr_axis do.
template <std::size_t N, noise_schedule Schedule>
error_heatmap<N> refine_heatmap(const error_heatmap<N>& heatmap, const Schedule& schedule,
                                std::size_t points) {
  validate(heatmap);
  const heatmap_axis axis =
      log_snr_axis(schedule, points, heatmap.gamma.front(), heatmap.gamma.back());
  // Where each point lies: the neighbour before it, and how far towards the next.
  std::vector<std::size_t> before;
  std::vector<double> part;
  for (const double gamma : axis.gamma) {
    std::size_t low = before.empty() ? 0 : before.back();
    while (low + 2 < heatmap.size() && heatmap.gamma[low + 1] <= gamma) ++low;
    const double position =
        std::log(gamma / heatmap.gamma[low]) / std::log(heatmap.gamma[low + 1] / heatmap.gamma[low]);
    before.push_back(low);
    part.push_back(position < 0 ? 0 : position > 1 ? 1 : position);  // of rounding at the ends
  }
  error_heatmap<N> result{axis.gamma, axis.timesteps, {}, {}};
  for (std::size_t s = 0; s < N; ++s) {
    const grid<N>& errors = heatmap.of(s);
    bool positive = true;
    for (const double error : errors.values()) positive = positive && error > 0;
    result.of(s) = grid<N>::cube(points);
    for (std::size_t i = 0; i < result.of(s).size(); ++i) {
      const cell<N> at = result.of(s).index_at(i);
      double sum = 0;
      for (std::size_t corner = 0; corner < std::size_t{1} << N; ++corner) {
        double weight = 1;
        const cell<N> neighbour = make_scales<N>([&](std::size_t axis_number) {
          const bool next = (corner >> axis_number & 1) != 0;
          weight *= next ? part[at[axis_number]] : 1 - part[at[axis_number]];
          return before[at[axis_number]] + (next ? 1 : 0);
        });
        sum += weight * (positive ? std::log(errors[neighbour]) : errors[neighbour]);
      }
      result.of(s).values()[i] = positive ? std::exp(sum) : sum;
    }
  }
  return result;
}

}  // namespace lift
