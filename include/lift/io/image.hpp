// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/pixel.hpp>

namespace lift {

/// An 8-bit image, pixels row by row with their channels together: (height, width, channels).
struct image {
  std::size_t width = 0, height = 0, channels = 3;
  std::vector<std::uint8_t> pixels;

  friend bool operator==(const image&, const image&) = default;
};

/// An image of one colour: `fill` in every channel of every pixel.
inline image blank_image(std::size_t width, std::size_t height, std::size_t channels,
                         std::uint8_t fill) {
  return {width, height, channels, std::vector<std::uint8_t>(width * height * channels, fill)};
}

struct named_image {
  std::string name;
  image picture;
};

/// Largest width or height that the decoders accept, in pixels.
inline constexpr std::size_t max_image_side = 8192;

/// Throws "WHAT: REASON" unless an image of that size is fit to be decoded.
inline void check_image_size(const std::string& what, std::size_t width, std::size_t height) {
  if (width == 0 || height == 0 || width > max_image_side || height > max_image_side) {
    throw error(text(what, ": ", width, " × ", height, " pixels, 1 × 1 to ", max_image_side, " × ",
                     max_image_side, " are read"));
  }
}

/// Lays an RGBA image on white: (α·c + (255 − α)·255)/255, rounded.
inline image on_white(image rgba) {
  std::vector<std::uint8_t>& pixels = rgba.pixels;
  for (std::size_t i = 0; i < pixels.size() / 4; ++i) {
    const unsigned alpha = pixels[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned sum = alpha * pixels[4 * i + c] + (255 - alpha) * 255;
      pixels[3 * i + c] = static_cast<std::uint8_t>((sum + 127) / 255);
    }
  }
  rgba.channels = 3;
  pixels.resize(pixels.size() / 4 * 3);
  return rgba;
}

/// The pixels channel by channel: (H, W, C) → (C, H, W).
inline std::vector<std::uint8_t> to_planar(const image& picture) {
  const std::size_t area = picture.width * picture.height;
  std::vector<std::uint8_t> planar(picture.pixels.size());
  for (std::size_t i = 0; i < area; ++i) {
    for (std::size_t c = 0; c < picture.channels; ++c) {
      planar[c * area + i] = picture.pixels[i * picture.channels + c];
    }
  }
  return planar;
}

/// The image whose channels lie one after another: (C, H, W) → (H, W, C).
inline image from_planar(std::span<const std::uint8_t> planar, std::size_t channels,
                         std::size_t height, std::size_t width) {
  const std::size_t area = height * width;
  require(planar.size() == channels * area, "values of a planar image", planar.size(),
          channels * area);
  image picture = blank_image(width, height, channels, 0);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < area; ++i) picture.pixels[i * channels + c] = planar[c * area + i];
  }
  return picture;
}

/// The same from values in [−1, 1], which are quantised to 8 bits.
inline image from_planar(std::span<const float> planar, std::size_t channels, std::size_t height,
                         std::size_t width, rounding how = rounding::nearest) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(planar.size());
  for (const float value : planar) bytes.push_back(to_uint8(value, how));
  return from_planar(bytes, channels, height, width);
}

}  // namespace lift
