// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace lift {

/// The sizes of a two-dimensional convolution with a square kernel:
/// image (B, C, H, W) → result (B, O, Ho, Wo), weight (O, C, k, k),
/// Ho = (H + 2·padding − k) / stride + 1.
///
/// A transposed convolution has the same geometry with `image` and `result` exchanged.
struct convolution_geometry {
  std::size_t batch, channels, height, width;
  std::size_t out_channels, out_height, out_width;
  std::size_t kernel, stride, padding;

  std::size_t image_size() const { return channels * height * width; }
  std::size_t out_area() const { return out_height * out_width; }
  std::size_t result_size() const { return out_channels * out_area(); }
  /// Rows of the patch matrix: the elements of one kernel.
  std::size_t patch() const { return channels * kernel * kernel; }
  /// True when patches are the pixels themselves, so that no patch matrix is needed.
  bool pointwise() const { return kernel == 1 && stride == 1 && padding == 0; }
};

namespace detail {
/// The convolution of results with the kernels flipped that is the adjoint of g in the image,
/// for stride 1 and a padding below the kernel's size.
inline convolution_geometry adjoint(const convolution_geometry& g) {
  return {.batch = g.batch,
          .channels = g.out_channels,
          .height = g.out_height,
          .width = g.out_width,
          .out_channels = g.channels,
          .out_height = g.height,
          .out_width = g.width,
          .kernel = g.kernel,
          .stride = g.stride,
          .padding = g.kernel - 1 - g.padding};
}
}  // namespace detail

}  // namespace lift
