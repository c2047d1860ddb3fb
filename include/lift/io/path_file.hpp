// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include <lift/io/json_file.hpp>
#include <lift/path/path.hpp>

namespace lift {

/// A sampling path as a file holds it: which policy made it, and its timestep pairs.
struct named_path {
  std::string policy;
  timestep_path timesteps;
};

/// Writes a path as JSON: "policy" and "timesteps", a list of [fine, coarse] from noisy to clean.
inline void save_path(output_file file, const named_path& path,
                      const nlohmann::json& settings = nlohmann::json::object()) {
  nlohmann::json pairs = nlohmann::json::array();
  for (const timestep_pair& t : path.timesteps) pairs.push_back({t.fine, t.coarse});
  write_json(std::move(file), {{"format", "lift sampling path"},
                               {"settings", settings},
                               {"policy", path.policy},
                               {"timesteps", pairs}});
}

/// Reads what save_path wrote, or the same by hand; throws lift::error naming the file and field
/// unless there is a step and the timesteps are whole numbers that never rise.
inline named_path load_path(const std::filesystem::path& file) {
  const json_fields fields(file, "lift sampling path");
  named_path path{fields.string("policy"), {}};
  for (const auto& pair : fields.rows("timesteps")) {
    const std::string name = text("timesteps[", path.timesteps.size(), "]");
    if (pair.size() != 2) fields.fail(name, "two timesteps, [fine, coarse]");
    for (const double t : pair)
      if (t < 0 || t > 1e9 || t != static_cast<double>(static_cast<std::size_t>(t)))
        fields.fail(name, "whole numbers from 0 to 1e9");
    const timestep_pair t{static_cast<std::size_t>(pair[0]), static_cast<std::size_t>(pair[1])};
    if (!path.timesteps.empty() &&
        (t.fine > path.timesteps.back().fine || t.coarse > path.timesteps.back().coarse))
      fields.fail(name, "timesteps no greater than the pair before");
    path.timesteps.push_back(t);
  }
  if (path.timesteps.empty()) fields.fail("timesteps", "at least one pair");
  return path;
}

}  // namespace lift
