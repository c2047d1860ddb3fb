// SPDX-License-Identifier: MIT
#pragma once

// Patch matrices by gathering: functors that write one element each, for backends whose loops are
// over elements. A patch matrix has a row for every (channel, ky, kx) of a kernel and a column for
// every (image, output pixel) of some images; results are matrices with the same columns.

#include <cstddef>
#include <cstdint>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/index_divider.hpp>

namespace lift {

/// Divides the indices of a convolution's arrays; g.batch is the number of images at once.
struct patch_indices {
  /// A number for each axis of an image.
  struct axes {
    std::uint32_t height, width;
    explicit axes(const extent2d& e) : height(narrow(e.height)), width(narrow(e.width)) {}
  };
  /// Division by one.
  struct axis_dividers {
    index_divider height, width;
    explicit axis_dividers(const extent2d& e) : height(e.height), width(e.width) {}
  };

  std::uint32_t channels, height, width, out_channels, out_area, columns;
  axes kernel, stride, padding;
  index_divider by_columns, by_out_area, by_out_width, by_width, by_height, by_channels,
      by_out_channels;
  axis_dividers by_kernel, by_stride;
  std::uint32_t out_height, out_width;

  explicit patch_indices(const convolution_geometry& g)
      : channels(narrow(g.channels)), height(narrow(g.height)), width(narrow(g.width)),
        out_channels(narrow(g.out_channels)), out_area(narrow(g.out_area())),
        columns(narrow(g.batch * g.out_area())), kernel(g.kernel), stride(g.stride),
        padding(g.padding), by_columns(columns), by_out_area(out_area), by_out_width(g.out_width),
        by_width(width), by_height(height), by_channels(channels), by_out_channels(out_channels),
        by_kernel(g.kernel), by_stride(g.stride), out_height(narrow(g.out_height)),
        out_width(narrow(g.out_width)) {}

 private:
  static std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }
};

namespace kernel {
/// An element of the patch matrix (C·kh·kw, columns), from images (B, C, H, W).
template <class T>
struct gather_patch {
  patch_indices at;
  const T* image;
  T* patches;

  LIFT_HD void operator()(std::size_t element) const {
    auto row = static_cast<std::uint32_t>(element);
    std::uint32_t b = at.by_columns.split(row);
    std::uint32_t oy = at.by_out_area.split(b);
    const std::uint32_t ox = at.by_out_width.split(oy);
    const std::uint32_t kx = at.by_kernel.width.split(row), ky = at.by_kernel.height.split(row);
    // Places before the image wrap around to large ones.
    const std::uint32_t y = oy * at.stride.height + ky - at.padding.height;
    const std::uint32_t x = ox * at.stride.width + kx - at.padding.width;
    const bool inside = y < at.height && x < at.width;
    const std::size_t plane = std::size_t{b} * at.channels + row;
    patches[element] = inside ? image[(plane * at.height + y) * at.width + x] : T(0);
  }
};

/// An element of images (B, C, H, W): the sum of the elements of the patch matrix that were read
/// from it, and its channel's bias unless that is null.
template <class T>
struct gather_pixel {
  patch_indices at;
  const T* patches;
  const T* bias;
  T* image;

  LIFT_HD void operator()(std::size_t element) const {
    auto b = static_cast<std::uint32_t>(element);
    const std::uint32_t x = at.by_width.split(b) + at.padding.width;
    const std::uint32_t y = at.by_height.split(b) + at.padding.height;
    const std::uint32_t c = at.by_channels.split(b);
    T total = bias ? bias[c] : T(0);
    for (std::uint32_t ky = at.by_stride.height.remainder(y); ky < at.kernel.height && ky <= y;
         ky += at.stride.height) {
      const std::uint32_t oy = at.by_stride.height.quotient(y - ky);
      if (oy >= at.out_height) continue;
      for (std::uint32_t kx = at.by_stride.width.remainder(x); kx < at.kernel.width && kx <= x;
           kx += at.stride.width) {
        const std::uint32_t ox = at.by_stride.width.quotient(x - kx);
        if (ox >= at.out_width) continue;
        const std::size_t row = (std::size_t{c} * at.kernel.height + ky) * at.kernel.width + kx;
        total += patches[row * at.columns + b * at.out_area + oy * at.out_width + ox];
      }
    }
    image[element] = total;
  }
};

/// An element of the matrix (O, columns) of results (B, O, area).
template <class T>
struct gather_result {
  patch_indices at;
  const T* result;
  T* matrix;

  LIFT_HD void operator()(std::size_t element) const {
    auto o = static_cast<std::uint32_t>(element);
    std::uint32_t b = at.by_columns.split(o);
    const std::uint32_t pixel = at.by_out_area.split(b);
    matrix[element] = result[(std::size_t{b} * at.out_channels + o) * at.out_area + pixel];
  }
};

/// An element of results (B, O, area) with a convolution's epilogue, from the matrix (O, columns),
/// or where that is null from what stands there already.
template <class T>
struct finish_result {
  patch_indices at;
  const T* matrix;
  convolution_epilogue<T> epilogue;
  T* result;

  LIFT_HD void operator()(std::size_t element) const {
    auto plane = static_cast<std::uint32_t>(element);
    const std::uint32_t pixel = at.by_out_area.split(plane);
    std::uint32_t b = plane;
    const std::uint32_t o = at.by_out_channels.split(b);
    const T alone = matrix ? matrix[std::size_t{o} * at.columns + b * at.out_area + pixel]
                           : result[element];
    result[element] = epilogue.added_to(alone, o, plane, element);
  }
};
}  // namespace kernel

}  // namespace lift
