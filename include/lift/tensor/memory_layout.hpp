// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/config.hpp>
#include <lift/core/shape.hpp>

namespace lift {

/// How the elements of images (B, C, H, W) follow each other: each channel's pixels together, or
/// the channels of each pixel. Arrays of fewer than three axes are the same in both. Kernels
/// (O, C, kh, kw) may also be packed as a backend's convolutions take them, which alone read them.
enum class memory_layout : unsigned char { channels_first, channels_last, packed_kernels };

/// Where the elements of images lie: element (b, c, p), p < H·W, is image·b + channel·c + pixel·p
/// elements from the first.
struct image_strides {
  std::size_t image, channel, pixel;

  LIFT_HD std::size_t operator()(std::size_t b, std::size_t c, std::size_t p) const {
    return image * b + channel * c + pixel * p;
  }
  friend bool operator==(const image_strides&, const image_strides&) = default;
};

inline image_strides strides_of(memory_layout layout, std::size_t channels, std::size_t pixels) {
  if (layout == memory_layout::channels_last) return {channels * pixels, 1, channels};
  return {channels * pixels, pixels, 1};
}

/// The planes of images, numbered through the batch: a channel of an image each.
struct image_planes {
  std::size_t channels;
  image_strides strides;

  image_planes(memory_layout layout, const shape& images)
      : channels(images[1]),
        strides(strides_of(layout, images[1], images.product(2, images.rank()))) {}

  /// Where a pixel of a plane lies; the next pixel is strides.pixel further.
  LIFT_HD std::size_t operator()(std::size_t plane, std::size_t pixel) const {
    return strides(plane / channels, plane % channels, pixel);
  }
};

namespace kernel {
/// Writes element i of images, counted as (b, c, p), in another layout or another storage.
template <class To, class From>
struct rearrange {
  To* to;
  const From* from;
  image_strides to_strides, from_strides;
  std::size_t channels, pixels;

  /// Whether the elements come in the same order in both.
  bool keeps_order() const {
    return to_strides == from_strides || channels == 1 || pixels == 1;
  }
  LIFT_HD void operator()(std::size_t i) const {
    const std::size_t plane = i / pixels, p = i % pixels;
    const std::size_t b = plane / channels, c = plane % channels;
    to[to_strides(b, c, p)] = static_cast<To>(from[from_strides(b, c, p)]);
  }
};

/// A kernel::rearrange of so many images, one of many that are done together.
template <class To, class From>
struct rearranged_images {
  rearrange<To, From> how;
  std::size_t images;
};
}  // namespace kernel

}  // namespace lift
