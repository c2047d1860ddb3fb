// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lift {

/// The digits of n in a base up to 16, with zeros before them where they are fewer than `width`.
inline std::string digits_of(std::uint64_t n, unsigned base, std::size_t width) {
  std::string result;
  for (; n > 0 || result.size() < width; n /= base)
    result.insert(result.begin(), "0123456789abcdef"[n % base]);
  return result;
}

/// "00042" for 42 and a width of 5.
inline std::string decimal(std::uint64_t n, std::size_t width) { return digits_of(n, 10, width); }

/// "2a" for 42, "002a" with a width of 4.
inline std::string hexadecimal(std::uint64_t n, std::size_t width = 1) {
  return digits_of(n, 16, width);
}

/// A floating-point number in up to `count` significant digits, as "%g" writes it in the C locale:
/// "0.25", "1e-05", "inf"; `count` is at most 30.
template <class Number>
std::string significant_digits(Number x, int count) {
  char written[48];
  const std::to_chars_result end =
      std::to_chars(written, written + sizeof written, x, std::chars_format::general, count);
  return {written, end.ptr};
}

}  // namespace lift
