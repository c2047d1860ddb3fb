// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/ad/apply.hpp>
#include <lift/core/scales.hpp>
#include <lift/op/downsample.hpp>
#include <lift/op/upsample.hpp>
#include <lift/pyramid/pyramid.hpp>

namespace lift {

/// The next coarser image, (B, C, H, W) → (B, C, H/2, W/2): means of 2×2 pixels.
template <value X>
auto coarsen(const X& fine) { return apply(op::downsample{}, fine); }

/// A coarse image at the next finer size, (B, C, H, W) → (B, C, 2H, 2W): bilinear interpolation with
/// half-pixel centres.
template <value X>
auto refine(const X& coarse) { return apply(op::upsample{}, coarse); }

/// The scales of an image as copies of it, each the 2×2 means of the one before; the finest is the
/// image that they make.
struct copies {
  static constexpr const char* name = "copies";

  template <std::size_t N, value X>
  scales<X, N> split(const X& image) const {
    scales<X, N> result{image};
    for (std::size_t scale = 1; scale < N; ++scale) result[scale] = coarsen(result[scale - 1]);
    return result;
  }
  template <value X, std::size_t N>
  X join(const scales<X, N>& images) const { return images.fine(); }
  static constexpr bool scales_are_images() { return true; }
};

static_assert(pyramid<copies, shape>);

}  // namespace lift
