// SPDX-License-Identifier: MIT
#pragma once

// What ranks give each other, as bytes.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lift/io/image.hpp>

namespace lift::cli {

template <class T>
std::string packed(std::span<const T> values) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}
template <class T>
std::vector<T> unpacked(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

inline std::string packed_images(const std::vector<image>& images) {
  std::string bytes;
  for (const image& each : images) {
    const std::uint64_t sizes[] = {each.width, each.height, each.channels};
    bytes += packed<std::uint64_t>(sizes) + packed<std::uint8_t>(each.pixels);
  }
  return bytes;
}
inline std::vector<image> unpacked_images(std::string_view bytes) {
  std::vector<image> images;
  while (!bytes.empty()) {
    const auto sizes = unpacked<std::uint64_t>(bytes.substr(0, 3 * sizeof(std::uint64_t)));
    const std::size_t pixels = sizes[0] * sizes[1] * sizes[2];
    bytes.remove_prefix(3 * sizeof(std::uint64_t));
    images.push_back(
        {sizes[0], sizes[1], sizes[2], unpacked<std::uint8_t>(bytes.substr(0, pixels))});
    bytes.remove_prefix(pixels);
  }
  return images;
}

}  // namespace lift::cli
