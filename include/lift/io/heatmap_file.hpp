// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <utility>

#include <lift/analysis/heatmap.hpp>
#include <lift/io/json_file.hpp>

namespace lift {

namespace detail {
/// The grids of a heatmap and their names in a file; the first two must be there.
inline constexpr std::array<std::pair<const char*, grid error_heatmap::*>, 8> heatmap_grids = {{
    {"fine", &error_heatmap::fine},
    {"coarse", &error_heatmap::coarse},
    {"fine_wrt_coarse", &error_heatmap::fine_wrt_coarse},
    {"coarse_wrt_fine", &error_heatmap::coarse_wrt_fine},
    {"fine_error", &error_heatmap::fine_error},
    {"coarse_error", &error_heatmap::coarse_error},
    {"fine_wrt_coarse_error", &error_heatmap::fine_wrt_coarse_error},
    {"coarse_wrt_fine_error", &error_heatmap::coarse_wrt_fine_error},
}};
}  // namespace detail

/// Writes a heatmap as JSON: "gamma", "timesteps", and each grid as a list of rows, one for each
/// γ of the fine scale. `settings` says how it was made and is kept in the file.
inline void save_heatmap(output_file file, const error_heatmap& heatmap,
                         const nlohmann::json& settings = nlohmann::json::object()) {
  nlohmann::json document = {{"format", "lift error heatmap"},
                             {"settings", settings},
                             {"gamma", heatmap.gamma},
                             {"timesteps", heatmap.timesteps}};
  for (const auto& [name, member] : detail::heatmap_grids) {
    const grid& values = heatmap.*member;
    if (values.empty()) continue;
    nlohmann::json& rows = document[name] = nlohmann::json::array();
    for (std::size_t i = 0; i < values.rows(); ++i) {
      nlohmann::json row;
      for (std::size_t j = 0; j < values.columns(); ++j) row.push_back(values(i, j));
      rows.push_back(std::move(row));
    }
  }
  write_json(std::move(file), document);
}

/// Reads what save_heatmap wrote; throws lift::error naming the file and the field or cell that
/// is missing, not a finite number, or does not fit.
inline error_heatmap load_heatmap(const std::filesystem::path& file) {
  const json_fields fields(file, "lift error heatmap");
  error_heatmap heatmap;
  heatmap.gamma = fields.numbers("gamma");
  for (const double t : fields.numbers("timesteps")) {
    if (t < 0 || t > 1e9) fields.fail("timesteps", "numbers from 0 to 1e9");
    heatmap.timesteps.push_back(static_cast<std::size_t>(t));
  }
  for (const auto& [name, member] : detail::heatmap_grids) {
    if (!fields.contains(name)) continue;
    const auto rows = fields.rows(name);
    std::vector<double> values;
    for (const auto& row : rows) {
      if (row.size() != rows[0].size()) fields.fail(name, "rows of one length");
      values.insert(values.end(), row.begin(), row.end());
    }
    heatmap.*member = grid(rows.size(), rows.empty() ? 0 : rows[0].size(), std::move(values));
  }
  try {
    validate(heatmap);
  } catch (const error& e) {
    throw error(text(file.string(), ": ", e.what()));
  }
  return heatmap;
}

}  // namespace lift
