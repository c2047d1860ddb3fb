// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

#include <lift/core/error.hpp>
#include <lift/io/image.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// One channel of a BMP's pixels: the bits that hold it.
struct bmp_channel {
  std::uint32_t mask = 0;

  /// Level 0 … 255, rounded down as Pillow does; 0 if there is no such channel.
  std::uint8_t level(std::uint32_t pixel) const {
    if (mask == 0) return 0;
    const int shift = std::countr_zero(mask);
    const std::uint64_t value = (pixel & mask) >> shift, largest = mask >> shift;
    return static_cast<std::uint8_t>(value * 255 / largest);
  }
};

/// Decodes an uncompressed BMP of 1, 4, 8, 16, 24 or 32 bits a pixel to 8-bit RGB; transparent
/// pixels are laid on white. Throws lift::error naming `name` and the reason.
inline image decode_bmp(std::span<const std::byte> data, const std::string& name) {
  const std::string what = "BMP " + quote_name(name);
  const auto require_bytes = [&](std::uint64_t end) {
    if (end > data.size()) throw error(text(what, ": the file is truncated"));
  };
  // The number of `count` bytes at `offset`, least first.
  const auto number = [&](std::size_t offset, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;)
      value = value << 8 | std::to_integer<std::uint32_t>(data[offset + i]);
    return value;
  };

  // 14 bytes of a file header, then a header that begins with its own size.
  constexpr std::size_t file_header = 14;
  require_bytes(file_header + 4);
  const std::size_t pixels_at = number(10, 4), header = number(file_header, 4);
  if (header < 40 || header > 256)
    throw error(text(what, ": a header of ", header, " bytes, 40 to 256 are read"));
  require_bytes(file_header + header);
  const auto columns = static_cast<std::int32_t>(number(18, 4));
  const auto rows = static_cast<std::int32_t>(number(22, 4));  // negative: the topmost comes first
  const std::size_t bits = number(28, 2), compression = number(30, 4), used = number(46, 4);
  if (columns < 0) throw error(text(what, ": ", columns, " columns"));
  const auto width = static_cast<std::size_t>(columns);
  const auto height = static_cast<std::size_t>(std::abs(static_cast<std::int64_t>(rows)));
  check_image_size(what, width, height);
  constexpr std::size_t plain = 0, with_masks = 3, with_alpha_mask = 6;
  const bool masked = compression == with_masks || compression == with_alpha_mask;
  if (compression != plain && !masked)
    throw error(text(what, ": compression ", compression, ", only uncompressed ones are read"));
  constexpr std::size_t depths[] = {1, 4, 8, 16, 24, 32};
  if (std::ranges::find(depths, bits) == std::end(depths) || (masked && bits != 16 && bits != 32))
    throw error(text(what, ": ", bits, " bits a pixel with compression ", compression));
  const std::size_t stride = (width * bits + 31) / 32 * 4;
  require_bytes(std::uint64_t{pixels_at} + std::uint64_t{stride} * height);

  // Red, green, blue, alpha.
  std::array<bmp_channel, 4> channels = {{{0xff0000}, {0xff00}, {0xff}, {0}}};
  if (bits == 16) channels = {{{0x7c00}, {0x3e0}, {0x1f}, {0}}};
  if (masked) {
    const bool alpha = header >= 56 || compression == with_alpha_mask;
    require_bytes(alpha ? 70 : 66);
    for (std::size_t c = 0; c < (alpha ? 4 : 3); ++c) channels[c].mask = number(54 + 4 * c, 4);
  }
  const std::size_t palette = file_header + header;
  const std::size_t most = bits <= 8 ? std::size_t{1} << bits : 0;
  const std::size_t colours = used > 0 && used < most ? used : most;
  require_bytes(palette + 4 * colours);

  image result = blank_image(width, height, 4, 255);
  for (std::size_t y = 0; y < height; ++y) {
    const std::size_t line = pixels_at + (rows < 0 ? y : height - 1 - y) * stride;
    std::uint8_t* out = result.pixels.data() + y * width * 4;
    for (std::size_t x = 0; x < width; ++x, out += 4) {
      if (bits > 8) {
        const std::uint32_t pixel = number(line + x * bits / 8, bits / 8);
        for (std::size_t c = 0; c < 3; ++c) out[c] = channels[c].level(pixel);
        if (channels[3].mask != 0) out[3] = channels[3].level(pixel);
        continue;
      }
      const std::size_t bit = x * bits;  // the first pixel has the highest bits of its byte
      const std::size_t index = (number(line + bit / 8, 1) >> (8 - bits - bit % 8)) & (most - 1);
      if (index >= colours) throw error(text(what, ": colour ", index, " of ", colours));
      for (std::size_t c = 0; c < 3; ++c)
        out[c] = static_cast<std::uint8_t>(number(palette + 4 * index + 2 - c, 1));
    }
  }
  return on_white(std::move(result));
}

}  // namespace lift
