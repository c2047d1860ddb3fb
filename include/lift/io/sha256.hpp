// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <nettle/sha2.h>

#include <lift/core/digits.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/io/file.hpp>

namespace lift {

/// The SHA-256 of a file, 64 hexadecimal digits. Throws lift::error where it cannot be read.
inline std::string sha256_of(const std::filesystem::path& path) {
  input_file file(path);
  sha256_ctx state;
  sha256_init(&state);
  std::array<std::byte, 1 << 16> part;
  for (std::uint64_t left = file.size(); left > 0;) {
    stoppable::check();
    const auto bytes = std::span(part).first(std::min<std::uint64_t>(left, part.size()));
    file.read(bytes);
    sha256_update(&state, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
    left -= bytes.size();
  }
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest;
  sha256_digest(&state, digest.size(), digest.data());
  std::string result;
  for (const std::uint8_t byte : digest) result += hexadecimal(byte, 2);
  return result;
}

}  // namespace lift
