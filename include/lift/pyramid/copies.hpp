// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/ad/apply.hpp>
#include <lift/core/scales.hpp>
#include <lift/op/downsample.hpp>
#include <lift/op/upsample.hpp>

namespace lift {

/// The next coarser image, (B, C, H, W) → (B, C, H/2, W/2): means of 2×2 pixels.
template <value X>
auto coarsen(const X& fine) { return apply(op::downsample{}, fine); }

/// A coarse image at the next finer size, (B, C, H, W) → (B, C, 2H, 2W): bilinear interpolation with
/// half-pixel centres.
template <value X>
auto refine(const X& coarse) { return apply(op::upsample{}, coarse); }

/// The scales of an image as copies of it, each the 2×2 means of the one before.
template <std::size_t N, value X>
scales<X, N> coarser_copies(const X& fine) {
  scales<X, N> result{fine};
  for (std::size_t scale = 1; scale < N; ++scale) result[scale] = coarsen(result[scale - 1]);
  return result;
}

}  // namespace lift
