// SPDX-License-Identifier: MIT

#include "report.hpp"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <set>

namespace lift::cli {
namespace {

/// A line for each entry of an object, objects within it indented below their name.
void print_lines(const json& object, const std::string& indent = "") {
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

}  // namespace

void warn_of(const std::string& message, bool on_any_rank) {
  if (!on_any_rank && !leads_ranks()) return;  // rank 0 says the same
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(message).second)
    std::cerr << text("lift: warning: ", on_any_rank ? name_of_rank() : "", printable(message), '\n') << std::flush;
}

void answer(const session& s, const json& result) {
  if (s.json)
    std::cout << json_text(result, 1, true) << '\n';
  else
    print_lines(result);
  std::cout.flush();
  require(std::cout.good(), "writing to standard output", "a failure", "a place to write");
}

void report(const session& s, const json& result) {
  if (s.json || !s.quiet) answer(s, result);
}

}  // namespace lift::cli
