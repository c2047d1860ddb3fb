// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/image.hpp>

namespace lift {

/// How one output pixel of a resampled row is made: weights, in units of 2⁻²², of the input
/// pixels from `first` on.
struct resample_taps {
  std::size_t first = 0;
  std::vector<std::int32_t> weights;
};

/// The taps of Pillow's antialiased bilinear filter from `from` pixels to `to`: a triangle whose
/// half-width is the scale from/to, but at least one pixel, with weights normalised in double and
/// then rounded (Pillow, src/libImaging/Resample.c).
inline std::vector<resample_taps> bilinear_taps(std::size_t from, std::size_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(scale, 1.0);
  std::vector<resample_taps> taps(to);
  for (std::size_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = static_cast<std::size_t>(std::max(centre - support + 0.5, 0.0));
    const auto last = std::min(static_cast<std::size_t>(centre + support + 0.5), from);
    std::vector<double> weights;
    double sum = 0;
    for (std::size_t j = first; j < last; ++j) {
      // Pillow multiplies by the reciprocal; a division would round differently.
      const double distance = (static_cast<double>(j) - centre + 0.5) * (1.0 / support);
      sum += weights.emplace_back(std::max(1.0 - std::abs(distance), 0.0));
    }
    taps[i].first = first;
    for (const double weight : weights) {
      taps[i].weights.push_back(static_cast<std::int32_t>(0.5 + weight / sum * (1 << 22)));
    }
  }
  return taps;
}

/// Resamples the middle axis of (outer, from, inner) to `to`, rounding to 8 bits.
inline std::vector<std::uint8_t> resample(const std::vector<std::uint8_t>& in, std::size_t outer,
                                          std::size_t from, std::size_t inner, std::size_t to) {
  if (from == to) return in;
  const auto taps = bilinear_taps(from, to);
  std::vector<std::uint8_t> out(outer * to * inner);
  std::vector<std::int32_t> sums(inner);
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < to; ++i) {
      std::fill(sums.begin(), sums.end(), 1 << 21);
      const std::uint8_t* row = in.data() + (o * from + taps[i].first) * inner;
      for (const std::int32_t weight : taps[i].weights) {
        for (std::size_t k = 0; k < inner; ++k) sums[k] += weight * row[k];
        row += inner;
      }
      std::uint8_t* result = out.data() + (o * to + i) * inner;
      for (std::size_t k = 0; k < inner; ++k) {
        result[k] = static_cast<std::uint8_t>(std::clamp(sums[k] >> 22, 0, 255));
      }
    }
  }
  return out;
}

/// Resizes as Pillow's Image.resize(…, BILINEAR), bit for bit: rows first, then columns, each
/// rounded to 8 bits.
inline image resize(const image& picture, std::size_t width, std::size_t height) {
  require(picture.width > 0 && picture.height > 0 && width > 0 && height > 0, "pixels of a resize",
          std::min(picture.width * picture.height, width * height), "at least 1");
  const auto rows =
      resample(picture.pixels, picture.height, picture.width, picture.channels, width);
  return {width, height, picture.channels,
          resample(rows, 1, picture.height, width * picture.channels, height)};
}

/// Resizes so that the shorter side is `side`; the longer is truncated (torchvision's Resize).
inline image resize_shorter_side(const image& picture, std::size_t side) {
  const std::size_t shorter = std::min(picture.width, picture.height);
  require(shorter > 0, "pixels of a resize", 0, "at least 1");
  return resize(picture, side * picture.width / shorter, side * picture.height / shorter);
}

/// The central side × side pixels; a half offset goes to the even one (torchvision's CenterCrop).
inline image centre_crop(const image& picture, std::size_t side) {
  require(picture.width >= side && picture.height >= side, "shorter side of an image to crop",
          std::min(picture.width, picture.height), text("at least ", side));
  const auto offset = [side](std::size_t extent) {
    return static_cast<std::size_t>(std::nearbyint(static_cast<double>(extent - side) / 2));
  };
  image result = blank_image(side, side, picture.channels, 0);
  const std::size_t row_bytes = side * picture.channels;
  for (std::size_t y = 0; y < side; ++y) {
    const std::size_t start = (y + offset(picture.height)) * picture.width + offset(picture.width);
    std::copy_n(picture.pixels.data() + start * picture.channels, row_bytes,
                result.pixels.data() + y * row_bytes);
  }
  return result;
}

/// The square thumbnail of the data pipeline: shorter side to `side`, then the central square.
inline image resize_and_crop(const image& picture, std::size_t side) {
  return centre_crop(resize_shorter_side(picture, side), side);
}

}  // namespace lift
