// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <lift/io/json_file.hpp>
#include <lift/path/path.hpp>

namespace lift {

/// A sampling path as a file holds it: which policy made it, and the timesteps of its steps.
template <std::size_t N = 2>
struct named_path {
  std::string policy;
  timestep_path<N> timesteps;
};

/// Timesteps as JSON: a list for each step, finest scale first, whole ones without a fraction.
template <std::size_t N>
nlohmann::json to_json(const std::vector<scales<double, N>>& path) {
  nlohmann::json steps = nlohmann::json::array();
  for (const scales<double, N>& point : path) {
    nlohmann::json step = nlohmann::json::array();
    for (const double t : point)
      step.push_back(t == std::floor(t) ? nlohmann::json(static_cast<std::uint64_t>(t))
                                        : nlohmann::json(t));
    steps.push_back(std::move(step));
  }
  return steps;
}

/// Writes a path as JSON: "policy" and "timesteps", a list for each step, finest
/// scale first, from noisy to clean.
template <std::size_t N>
void save_path(output_file file, const named_path<N>& path,
               const nlohmann::json& settings = nlohmann::json::object()) {
  write_json(std::move(file), {{"format", "lift sampling path"},
                               {"settings", settings},
                               {"policy", path.policy},
                               {"timesteps", to_json(path.timesteps)}});
}

/// The fields of a path's file, for who does not know the number of its scales before; throws
/// lift::error where it is no such file.
inline json_fields path_fields(const std::filesystem::path& file) {
  return json_fields(file, "lift sampling path");
}
/// That of the first step.
inline std::size_t path_scales(const json_fields& fields) {
  const auto rows = fields.rows("timesteps");
  return rows.empty() ? 0 : rows.front().size();
}

/// The path that save_path wrote, or the same by hand; throws lift::error naming the file and field
/// unless there is a step and the timesteps are numbers that never rise.
template <std::size_t N = 2>
named_path<N> load_path(const json_fields& fields) {
  named_path<N> path{fields.string("policy"), {}};
  for (const auto& row : fields.rows("timesteps")) {
    const std::string name = text("timesteps[", path.timesteps.size(), "]");
    if (row.size() != N)
      fields.fail(name, N == 2 ? "two timesteps, [fine, coarse]"
                               : N == 1 ? "one timestep" : text(N, " timesteps").c_str());
    for (const double t : row)
      if (t < 0 || t > 1e9) fields.fail(name, "numbers from 0 to 1e9");
    const auto t = make_scales<N>([&](std::size_t scale) { return row[scale]; });
    for (std::size_t scale = 0; scale < N; ++scale)
      if (!path.timesteps.empty() && t[scale] > path.timesteps.back()[scale])
        fields.fail(name, N == 2 ? "timesteps no greater than the pair before"
                                 : "timesteps no greater than those before");
    path.timesteps.push_back(t);
  }
  if (path.timesteps.empty()) fields.fail("timesteps", N == 2 ? "at least one pair" : "at least one step");
  return path;
}
template <std::size_t N = 2>
named_path<N> load_path(const std::filesystem::path& file) {
  return load_path<N>(path_fields(file));
}

}  // namespace lift
