// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

#include <lift/tensor/memory_layout.hpp>

namespace lift {

/// A number for each of an image's two axes: the size of a kernel, a stride, a padding. One number
/// is both: extent2d(3) is extent2d(3, 3).
struct extent2d {
  std::size_t height, width;

  constexpr extent2d(std::size_t both) : extent2d(both, both) {}
  constexpr extent2d(std::size_t height_, std::size_t width_) : height(height_), width(width_) {}

  constexpr std::size_t area() const { return height * width; }
  friend constexpr bool operator==(const extent2d&, const extent2d&) = default;

  /// "1x7"
  friend std::string to_text(const extent2d& e) {
    return std::to_string(e.height) + "x" + std::to_string(e.width);
  }
  template <class Traits>
  friend auto& operator<<(std::basic_ostream<char, Traits>& out, const extent2d& e) {
    return out << to_text(e);
  }
};

/// The sizes of a two-dimensional convolution: image (B, C, H, W) → result (B, O, Ho, Wo),
/// weight (O, C, kh, kw), along each axis Ho = (H + 2·padding − kh) / stride + 1.
///
/// A transposed convolution has the same geometry with `image` and `result` exchanged.
struct convolution_geometry {
  std::size_t batch, channels, height, width;
  std::size_t out_channels, out_height, out_width;
  extent2d kernel, stride, padding;
  memory_layout layout = memory_layout::channels_first;  ///< of image and result
  memory_layout weight_layout =
      memory_layout::channels_first;  ///< of weights as images of C channels

  std::size_t image_area() const { return height * width; }
  std::size_t image_size() const { return channels * image_area(); }
  std::size_t out_area() const { return out_height * out_width; }
  std::size_t result_size() const { return out_channels * out_area(); }
  /// The same but for the output channels.
  convolution_geometry with_outputs(std::size_t channels_) const {
    convolution_geometry g = *this;
    g.out_channels = channels_;
    return g;
  }
  /// Rows of the patch matrix: the elements of one kernel.
  std::size_t patch() const { return channels * kernel.area(); }
  /// True when patches are the pixels themselves, so that no patch matrix is needed.
  bool pointwise() const { return kernel == 1 && stride == 1 && padding == 0; }
};

namespace detail {
/// Whether the adjoint of g in the image is a convolution of results, see adjoint.
inline bool has_adjoint(const convolution_geometry& g) {
  return g.stride == 1 && g.padding.height < g.kernel.height && g.padding.width < g.kernel.width;
}
/// The convolution of results with the kernels flipped that is the adjoint of g in the image.
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
          .padding = {g.kernel.height - 1 - g.padding.height, g.kernel.width - 1 - g.padding.width},
          .layout = g.layout,
          .weight_layout = g.weight_layout};
}
}  // namespace detail

}  // namespace lift
