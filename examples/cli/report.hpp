// SPDX-License-Identifier: MIT
#pragma once

#include <iostream>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <lift/core/printable.hpp>
#include <lift/io/json_file.hpp>

#include "options.hpp"

namespace lift::cli {

using json = nlohmann::ordered_json;

/// A setting as JSON: null where it is absent.
template <class Value>
json setting_value(const Value& value) {
  return value;
}
inline json setting_value(const path& value) { return path_text(value); }
template <class Value>
json setting_value(const std::optional<Value>& value) {
  return value ? json(*value) : json();
}

// Whatever is written here may come from a file or a name: it is printable() before a terminal
// sees it.

/// A remark on standard error, unless the command is to be quiet.
template <class... Parts>
void remark(const session& s, const Parts&... parts) {
  if (!s.quiet) std::cerr << printable(text(parts...)) << std::endl;
}

/// A warning on standard error, even if the command is to be quiet; each is said once.
void warn_of(const std::string& message, bool on_any_rank = false);
template <class... Parts>
void warn(const Parts&... parts) {
  warn_of(text(parts...));
}
/// Likewise of what this rank alone may have met; by any thread.
template <class... Parts>
void warn_here(const Parts&... parts) {
  warn_of(text(parts...), true);
}

/// What a command was asked for, on standard output: as one JSON object, or as a line for each entry
/// for a person. Throws lift::error if it cannot be written.
void answer(const session& s, const json& result);

/// What a command did, where the files it wrote are what was asked for.
void report(const session& s, const json& result);

}  // namespace lift::cli
