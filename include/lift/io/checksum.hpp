// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace lift {

/// A 64-bit checksum against damage (not against malice) of a sequence of byte strings: eight
/// bytes at a time by rounds as in xxHash, so that any change within eight bytes is noticed.
class checksum {
 public:
  void add(std::span<const std::byte> bytes) {
    mix(bytes.size());
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) mix(word(bytes.first(8)));
    if (!bytes.empty()) mix(word(bytes));
  }
  void add(std::string_view characters) {
    add(std::as_bytes(std::span(characters.data(), characters.size())));
  }

  std::uint64_t value() const {
    const std::uint64_t spread = (state_ ^ state_ >> 33) * 0xc2b2ae3d27d4eb4fu;
    return spread ^ spread >> 29;
  }

 private:
  static std::uint64_t word(std::span<const std::byte> bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  void mix(std::uint64_t value) {
    state_ = std::rotl(state_ ^ value * 0xc2b2ae3d27d4eb4fu, 31) * 0x9e3779b185ebca87u;
  }

  std::uint64_t state_ = 0x27d4eb2f165667c5u;
};

}  // namespace lift
