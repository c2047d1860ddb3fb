// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <lift/io/image.hpp>

namespace lift {

/// The orientation that EXIF data (with or without the "Exif" in front) give an image, 1 … 8 as
/// the standard counts them; 1, upright, if there is none or the data are damaged.
inline int exif_orientation(std::span<const std::byte> exif) {
  std::string_view data(reinterpret_cast<const char*>(exif.data()), exif.size());
  constexpr std::string_view mark("Exif\0\0", 6);
  if (data.starts_with(mark)) data.remove_prefix(mark.size());

  // A TIFF file: byte order, 42, and where its list of 12-byte entries begins.
  const bool little = data.starts_with("II");
  if (!little && !data.starts_with("MM")) return 1;
  // The number of `count` bytes at `offset`, 0 if it lies outside.
  const auto number = [&](std::uint64_t offset, std::size_t count) {
    std::uint64_t value = 0;
    if (offset > data.size() || count > data.size() - offset) return value;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t byte = little ? count - 1 - i : i;
      value = value << 8 | static_cast<unsigned char>(data[offset + byte]);
    }
    return value;
  };
  const std::uint64_t list = number(4, 4), entries = number(list, 2);
  if (number(2, 2) != 42 || list < 8) return 1;
  constexpr std::uint64_t orientation = 0x112, byte_type = 1, short_type = 3, long_type = 4;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = list + 2 + 12 * i, type = number(entry + 2, 2);
    if (number(entry, 2) != orientation || number(entry + 4, 4) != 1) continue;
    const std::uint64_t value = type == byte_type    ? number(entry + 8, 1)
                                : type == short_type ? number(entry + 8, 2)
                                : type == long_type  ? number(entry + 8, 4)
                                                     : 1;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

/// Turns an image of that EXIF orientation upright, as Pillow's ImageOps.exif_transpose.
inline image upright(image picture, int orientation) {
  if (orientation == 1) return picture;
  const bool transposed = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation >= 7;
  const bool from_below =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const auto& [width, height, channels, pixels] = picture;
  image result = blank_image(width, height, channels, 0);
  if (transposed) std::swap(result.width, result.height);
  std::uint8_t* out = result.pixels.data();
  for (std::size_t y = 0; y < result.height; ++y) {
    for (std::size_t x = 0; x < result.width; ++x) {
      const std::size_t column = transposed ? y : x, row = transposed ? x : y;
      const std::size_t from = (from_below ? height - 1 - row : row) * width +
                               (from_right ? width - 1 - column : column);
      for (std::size_t c = 0; c < channels; ++c) *out++ = pixels[from * channels + c];
    }
  }
  return result;
}

}  // namespace lift
