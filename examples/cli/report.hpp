// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include <lift/core/printable.hpp>
#include <lift/io/json_file.hpp>

#include "options.hpp"

namespace lift::cli {

using json = nlohmann::ordered_json;

// Whatever is written here may come from a file or a name: it is printable() before a terminal
// sees it.

/// A remark on standard error, unless the command is to be quiet.
template <class... Parts>
void remark(const session& s, const Parts&... parts) {
  if (!s.quiet) std::cerr << printable(text(parts...)) << std::endl;
}

/// A warning on standard error, even if the command is to be quiet.
template <class... Parts>
void warn(const Parts&... parts) {
  std::cerr << "lift: warning: " << printable(text(parts...)) << std::endl;
}

/// A line for each entry of an object, objects within it indented below their name.
inline void print_lines(const json& object, const std::string& indent = "") {
  std::size_t width = 0;
  const auto label_of = [](const std::string& name) {
    std::string label = printable(name);
    std::replace(label.begin(), label.end(), '_', ' ');
    return label;
  };
  for (const auto& [name, value] : object.items()) width = std::max(width, label_of(name).size());
  for (const auto& [name, value] : object.items()) {
    const std::string label = label_of(name);
    std::cout << indent << label;
    if (value.is_object()) {
      std::cout << '\n';
      print_lines(value, indent + "  ");
    } else {
      std::cout << std::string(width + 2 - label.size(), ' ')
                << printable(value.is_string() ? value.get<std::string>() : json_text(value))
                << '\n';
    }
  }
}

/// What a command was asked for, on standard output: as one JSON object, or as lines for a person.
inline void answer(const session& s, const json& result) {
  if (s.json)
    std::cout << json_text(result, 1, true) << '\n';
  else
    print_lines(result);
  std::cout.flush();
  require(std::cout.good(), "writing to standard output", "a failure", "a place to write");
}

/// What a command did, where the files it wrote are what was asked for.
inline void report(const session& s, const json& result) {
  if (s.json || !s.quiet) answer(s, result);
}

}  // namespace lift::cli
