// SPDX-License-Identifier: MIT
#pragma once

// Every file says in its settings which network and which images it was made with. What is made of
// it says so too, and where two files meet, what both say is compared.

#include <optional>
#include <sstream>  // for JSON in messages
#include <string>
#include <vector>

#include <lift/io/json_file.hpp>

#include "options.hpp"
#include "report.hpp"

namespace lift::cli {

/// What a file says of the network and the images it was made with.
struct identity {
  std::string source;  ///< the file, for messages
  json fields = json::object();
};

/// The fields that are handed on from file to file, and those by which files are compared.
inline constexpr const char* identity_fields[] = {
    "checkpoint",     "step",       "model",    "weights", "scales",           "pyramid",       "size",
    "told_timesteps", "prediction", "schedule", "data",    "data_fingerprint", "training_data",
    "training_data_fingerprint"};
inline constexpr const char* compared_fields[] = {
    "schedule",       "size",  "prediction", "scales", "pyramid",
    "told_timesteps", "model", "training_data_fingerprint"};

/// What the settings of a heatmap or a path file say; nothing if it was written by hand. Nor does a
/// diagonal, which suits every network.
inline identity identity_of(const path& file) {
  const nlohmann::json document = read_json(file);
  identity result{file.string()};
  if (!document.is_object() || !document.contains("settings") ||
      document.value("policy", nlohmann::json()) == "diagonal")
    return result;
  const json settings = document["settings"];
  for (const char* field : identity_fields)
    if (settings.is_object() && settings.contains(field)) result.fields[field] = settings[field];
  return result;
}

/// The schedule of what was made with files: the one all that tell were made with, or else `given`,
/// or cosine. Throws lift::error where two of these differ.
inline std::string common_schedule(const std::vector<identity>& files,
                                   const std::optional<std::string>& given) {
  std::optional<json> found;
  std::string where;
  const auto take = [&](const json& schedule, const std::string& source) {
    if (found)
      require(schedule == *found, "noise schedule of " + source, schedule,
              text(*found, " as ", where));
    found = schedule;
    where = "of " + source;
  };
  for (const identity& file : files)
    if (file.fields.contains("schedule")) take(file.fields["schedule"], file.source);
  if (given) take(*given, "--schedule");
  if (!found) return "cosine";
  if (!found->is_string()) throw error(text("noise schedule ", where, ": want a name"));
  return found->get<std::string>();
}

/// Throws lift::error where a path, or the heatmap to find one on, was made for another network
/// than that which is to follow it; with `foreign` only where the schedules differ, since timesteps
/// mean nothing on another one.
inline void require_same(const identity& made, const identity& network, bool foreign) {
  for (const std::string field : compared_fields) {
    if (!made.fields.contains(field) || !network.fields.contains(field)) continue;
    const bool schedule = field == "schedule";
    if (foreign && !schedule) continue;
    require(made.fields[field] == network.fields[field], text(field, " of ", made.source),
            made.fields[field],
            text(network.fields[field], " as of ", network.source,
                 schedule ? "" : "; --foreign-path takes it nevertheless"));
  }
}

}  // namespace lift::cli
