// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <lift/core/digits.hpp>

namespace lift {

/// A Unicode character and how many bytes of UTF-8 spell it; no bytes: what was read is not UTF-8.
struct utf8_character {
  char32_t code = 0;
  std::size_t size = 0;
};

/// The character that `bytes`, which are not empty, begin with.
constexpr utf8_character first_character(std::string_view bytes) {
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};  // spelled in fewer bytes below
  const auto lead = static_cast<unsigned char>(bytes.front());
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead < 0xc0   ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf8 ? 4
                                         : 0;
  if (size == 0 || bytes.size() < size) return {};
  char32_t code = lead & (0x7fu >> size);
  for (const char c : bytes.substr(1, size - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) return {};
    code = code << 6 | (byte & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < least[size] || code > 0x10ffff || surrogate ? utf8_character{}
                                                            : utf8_character{code, size};
}

/// Whether all of `bytes` is UTF-8.
constexpr bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = first_character(bytes).size;
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

/// Whether a character does something to a terminal or to the order of the text around it instead
/// of being seen: control characters (C0, DEL, C1), ends of lines and paragraphs, and the marks
/// that turn the direction of writing.
constexpr bool is_invisible_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e ||
         code == 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/// Any bytes made fit to be shown: UTF-8 of one line that no terminal obeys. Control characters and
/// bytes that are not UTF-8 are spelled, as \x1b or \u{202e}; after `longest` bytes comes "…".
inline std::string printable(std::string_view bytes, std::size_t longest = std::string_view::npos) {
  std::string result;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto [code, size] = first_character(bytes.substr(at));
    const std::size_t step = size == 0 ? 1 : size;
    if (step > longest - at) return result + "…";
    if (size == 0 || (size == 1 && is_invisible_control(code)))
      result += "\\x" + hexadecimal(static_cast<unsigned char>(bytes[at]), 2);
    else if (is_invisible_control(code))
      result += "\\u{" + hexadecimal(code) + "}";
    else
      result += bytes.substr(at, size);
    at += step;
  }
  return result;
}

}  // namespace lift
