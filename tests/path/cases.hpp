// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include <golden.hpp>
#include <lift/analysis/error_heatmap.hpp>
#include <lift/path/path.hpp>
#include <lift/schedule/cosine.hpp>

/// A JSON array of arrays as a grid.
inline lift::grid<> grid_from_json(const nlohmann::json& rows) {
  std::vector<double> values;
  for (const auto& row : rows)
    for (const auto& value : row) values.push_back(value.get<double>());
  return {rows.size(), rows.at(0).size(), values};
}

/// A heatmap on the given axis, each γ at its nearest timestep of the reference schedule; its grids
/// are still empty.
template <std::size_t N>
lift::error_heatmap<N> heatmap_over(std::vector<double> gamma) {
  lift::error_heatmap<N> heatmap;
  for (const double snr : gamma)
    heatmap.timesteps.push_back(lift::timestep_from_snr(lift::cosine_schedule(), snr));
  heatmap.gamma = std::move(gamma);
  return heatmap;
}

/// A heatmap of two scales on the given axis.
inline lift::error_heatmap<> heatmap_from(std::vector<double> gamma, lift::grid<> fine,
                                          lift::grid<> coarse) {
  auto heatmap = heatmap_over<2>(std::move(gamma));
  heatmap.of(0) = std::move(fine);
  heatmap.of(1) = std::move(coarse);
  return heatmap;
}

/// The 24 entries of paths.json.
inline nlohmann::json golden_cases() {
  nlohmann::json cases = golden_json("paths.json").at("cases");
  if (cases.size() != 24) throw std::runtime_error("paths.json does not hold 24 cases");
  return cases;
}

/// The heatmap of one of them.
inline lift::error_heatmap<> heatmap_from_json(const nlohmann::json& entry) {
  return heatmap_from(entry.at("gamma").get<std::vector<double>>(),
                      grid_from_json(entry.at("error_fine")),
                      grid_from_json(entry.at("error_coarse")));
}

/// A heatmap whose errors are drawn from {0, 1, 2}, so that many paths cost the same, on an axis
/// whose λ are whole numbers, so that sums of costs are nearly exact.
template <std::size_t N = 2>
lift::error_heatmap<N> random_heatmap(std::mt19937& random, std::size_t n) {
  std::vector<double> gamma;
  for (std::size_t i = 0; i < n; ++i)
    gamma.push_back(std::exp(static_cast<double>(i) - static_cast<double>(n) / 2));
  auto heatmap = heatmap_over<N>(gamma);
  for (std::size_t scale = 0; scale < N; ++scale) {
    heatmap.of(scale) = lift::grid<N>::cube(n);
    for (double& value : heatmap.of(scale).values()) value = static_cast<double>(random() % 3);
  }
  return heatmap;
}

/// The coarse γ of a path with one cell a row.
inline std::vector<double> coarse_gamma(const lift::cell_path<>& cells,
                                        const lift::error_heatmap<>& heatmap) {
  std::vector<double> result;
  for (const auto& node : lift::snr_of(cells, heatmap)) result.push_back(node.coarse());
  return result;
}
