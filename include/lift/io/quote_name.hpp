// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace lift {

/// A name found in a file, made fit for a one-line message: in single quotes, at most 80 bytes,
/// control characters replaced by '?'.
inline std::string quote_name(std::string_view name) {
  constexpr std::size_t longest = 80;
  std::string result = "'";
  for (const char c : name.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return result + (name.size() > longest ? "…'" : "'");
}

}  // namespace lift
