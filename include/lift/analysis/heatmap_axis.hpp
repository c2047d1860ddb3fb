// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/schedule/snr.hpp>

namespace lift {

/// Where a heatmap is measured, along every axis: SNRs from noisy to clean, and the timestep
/// that stands for each.
struct heatmap_axis {
  std::vector<double> gamma;
  std::vector<std::size_t> timesteps;
};

/// SNRs evenly spaced in log γ, each at its nearest timestep; throws lift::error for fewer than
/// two points, and as validate(schedule) does.
template <noise_schedule Schedule>
heatmap_axis log_snr_axis(const Schedule& schedule, std::size_t points = 15,
                          double gamma_min = 0.01, double gamma_max = 100) {
  validate(schedule);
  require(points >= 2, "points along an axis of the heatmap", points, "at least 2");
  require(gamma_min > 0 && std::isfinite(gamma_min), "smallest SNR", gamma_min, "a number above 0");
  require(gamma_max > gamma_min && std::isfinite(gamma_max), "largest SNR", gamma_max,
          text("a number above ", gamma_min));
  heatmap_axis axis;
  for (std::size_t i = 0; i < points; ++i) {
    const double fraction = static_cast<double>(i) / static_cast<double>(points - 1);
    axis.gamma.push_back(gamma_min * std::pow(gamma_max / gamma_min, fraction));
    axis.timesteps.push_back(timestep_from_snr(schedule, axis.gamma.back()));
  }
  return axis;
}

/// Timesteps evenly spaced from the schedule's last to 0, rounded down, with their SNRs; throws lift::error
/// unless there are two to all of them, and as validate(schedule) does.
template <noise_schedule Schedule>
heatmap_axis timestep_axis(const Schedule& schedule, std::size_t points = 30) {
  validate(schedule);
  require(points >= 2 && points <= schedule.num_timesteps(), "points along an axis of the heatmap",
          points, text("2 to ", schedule.num_timesteps()));
  heatmap_axis axis;
  const std::size_t last = schedule.num_timesteps() - 1;
  for (std::size_t i = 0; i < points; ++i) {
    axis.timesteps.push_back(last * (points - 1 - i) / (points - 1));
    axis.gamma.push_back(snr(schedule, axis.timesteps.back()));
  }
  return axis;
}

}  // namespace lift
