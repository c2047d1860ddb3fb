// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/resample_taps.hpp>
#include <lift/io/image.hpp>

namespace lift {

/// The taps of Pillow's antialiased bilinear filter for 8-bit pixels, in units of 2⁻²².
inline std::vector<resample_taps<std::int32_t>> bilinear_taps(std::size_t from, std::size_t to,
                                                              pixel_range wanted) {
  std::vector<resample_taps<std::int32_t>> taps;
  for (const auto& exact : antialiased_taps(triangle_filter{}, from, to, wanted)) {
    auto& rounded = taps.emplace_back(resample_taps<std::int32_t>{exact.first, {}});
    for (const double weight : exact.weights)
      rounded.weights.push_back(static_cast<std::int32_t>(0.5 + weight * (1 << 22)));
  }
  return taps;
}

/// Resamples the middle axis of (outer, from, inner) to `to`, rounding to 8 bits, and keeps the
/// `wanted` ones: (outer, wanted.count, inner).
inline std::vector<std::uint8_t> resample(const std::vector<std::uint8_t>& in, std::size_t outer,
                                          std::size_t from, std::size_t inner, std::size_t to,
                                          pixel_range wanted) {
  if (from == to && wanted.count == to) return in;
  const auto taps = bilinear_taps(from, to, wanted);
  std::vector<std::uint8_t> out(outer * wanted.count * inner);
  std::vector<std::int32_t> sums(inner);
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < wanted.count; ++i) {
      std::fill(sums.begin(), sums.end(), 1 << 21);
      const std::uint8_t* row = in.data() + (o * from + taps[i].first) * inner;
      for (const std::int32_t weight : taps[i].weights) {
        for (std::size_t k = 0; k < inner; ++k) sums[k] += weight * row[k];
        row += inner;
      }
      std::uint8_t* result = out.data() + (o * wanted.count + i) * inner;
      for (std::size_t k = 0; k < inner; ++k) {
        result[k] = static_cast<std::uint8_t>(std::clamp(sums[k] >> 22, 0, 255));
      }
    }
  }
  return out;
}

/// Resizes as Pillow's Image.resize(…, BILINEAR), bit for bit: rows first, then columns, each
/// rounded to 8 bits. Of the result only those columns and rows are made.
inline image resize(const image& picture, std::size_t width, std::size_t height,
                    pixel_range columns, pixel_range rows) {
  require(picture.width > 0 && picture.height > 0 && width > 0 && height > 0, "pixels of a resize",
          std::min(picture.width * picture.height, width * height), "at least 1");
  const auto narrowed =
      resample(picture.pixels, picture.height, picture.width, picture.channels, width, columns);
  return {columns.count, rows.count, picture.channels,
          resample(narrowed, 1, picture.height, columns.count * picture.channels, height, rows)};
}

/// The same, all of it.
inline image resize(const image& picture, std::size_t width, std::size_t height) {
  return resize(picture, width, height, {0, width}, {0, height});
}

/// The least size of a picture, in its proportions, that covers `size`: one side is that of `size`,
/// the other truncated (for a square, torchvision's Resize).
inline image_size scaled_size(const image& picture, const image_size& size) {
  const std::size_t width = picture.width, height = picture.height;
  require(width > 0 && height > 0, "pixels of a resize", 0, "at least 1");
  if (size.width * height >= size.height * width) return {size.width, size.width * height / width};
  return {size.height * width / height, size.height};
}

/// The central `side` pixels of `extent`; a half offset goes to the even one (torchvision's
/// CenterCrop).
inline pixel_range central(std::size_t extent, std::size_t side) {
  require(extent >= side, "pixels to crop", extent, text("at least ", side));
  const double offset = std::nearbyint(static_cast<double>(extent - side) / 2);
  return {static_cast<std::size_t>(offset), side};
}

/// The thumbnail of the data pipeline: the least that covers `size`, then the middle of it. Nothing
/// else is made, since an image may be a thousand times as long as it is wide.
inline image resize_and_crop(const image& picture, const image_size& size) {
  const image_size scaled = scaled_size(picture, size);
  return resize(picture, scaled.width, scaled.height, central(scaled.width, size.width),
                central(scaled.height, size.height));
}

}  // namespace lift
