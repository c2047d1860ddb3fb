// SPDX-License-Identifier: MIT
#pragma once

// A convolution, or its adjoint in the image, as a sum over taps: each number of a kernel times
// pixels that lie side by side. With a stride of 2 every other pixel belongs to one of 2 × 2
// phases, each an image of its own.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lift/backend/convolution_geometry.hpp>
#include <lift/core/ceil_div.hpp>

namespace lift::detail {

/// A number of a kernel: what it is multiplied by for the result at (y, x) of an output phase is
/// pixel (y + row, x + column) of an input phase.
struct tap {
  std::size_t weight, phase, row, column;
};

/// The sizes of a sum over taps: input (B, I, H, W) → output (B, O, H', W').
struct tap_geometry {
  std::size_t batch, channels, height, width;
  std::size_t out_channels, out_height, out_width;
  extent2d in_phases{1}, out_phases{1};
  /// Pixel (y, x) of an input phase p is (y·in_phases + p − origin) of the image.
  extent2d origin{0};
  extent2d reach{0};                     ///< the largest row and column of a tap
  std::vector<std::vector<tap>> taps{};  ///< for each output phase

  /// Rows and columns of an output phase; the last of them may be outside the output.
  std::size_t rows() const { return ceil_div(out_height, out_phases.height); }
  std::size_t columns() const { return ceil_div(out_width, out_phases.width); }
  std::size_t out_area() const { return out_height * out_width; }
};

template <class Body>
void for_each_tap(tap_geometry& t, const Body& body) {
  for (auto& phase : t.taps)
    for (tap& x : phase) body(x);
}

/// g as a sum over taps.
inline tap_geometry taps_of(const convolution_geometry& g) {
  tap_geometry t{
      .batch = g.batch,
      .channels = g.channels,
      .height = g.height,
      .width = g.width,
      .out_channels = g.out_channels,
      .out_height = g.out_height,
      .out_width = g.out_width,
      .in_phases = g.stride,
      .origin = g.padding,
      .reach = {(g.kernel.height - 1) / g.stride.height, (g.kernel.width - 1) / g.stride.width}};
  auto& taps = t.taps.emplace_back();
  for (std::size_t i = 0; i < g.kernel.height; ++i)
    for (std::size_t j = 0; j < g.kernel.width; ++j)
      taps.push_back({i * g.kernel.width + j,
                      i % g.stride.height * g.stride.width + j % g.stride.width,
                      i / g.stride.height, j / g.stride.width});
  return t;
}

/// The adjoint of g in the image as a sum over taps.
inline tap_geometry adjoint_taps_of(const convolution_geometry& g) {
  /// Along an axis: pixel stride·y + q takes result y + shift(q, k) − origin times number k of the
  /// kernel, where k and q + padding differ by whole strides.
  struct axis {
    std::size_t kernel, stride, padding;
    bool meet(std::size_t q, std::size_t k) const { return (q + padding) % stride == k % stride; }
    std::size_t origin() const { return (kernel - 1) / stride; }
    std::size_t shift(std::size_t q, std::size_t k) const {
      return (q + padding + origin() * stride - k) / stride;
    }
  };
  const axis down{g.kernel.height, g.stride.height, g.padding.height};
  const axis across{g.kernel.width, g.stride.width, g.padding.width};
  tap_geometry t{.batch = g.batch,
                 .channels = g.out_channels,
                 .height = g.out_height,
                 .width = g.out_width,
                 .out_channels = g.channels,
                 .out_height = g.height,
                 .out_width = g.width,
                 .out_phases = g.stride,
                 .origin = {down.origin(), across.origin()}};
  for (std::size_t p = 0; p < g.stride.height; ++p)
    for (std::size_t q = 0; q < g.stride.width; ++q) {
      auto& taps = t.taps.emplace_back();
      for (std::size_t i = 0; i < g.kernel.height; ++i)
        for (std::size_t j = 0; j < g.kernel.width; ++j)
          if (down.meet(p, i) && across.meet(q, j))
            taps.push_back({i * g.kernel.width + j, 0, down.shift(p, i), across.shift(q, j)});
    }
  // The least row and column are 0, as far as there are pixels before the first.
  extent2d least = t.origin;
  for_each_tap(t, [&](const tap& x) {
    least = {std::min(least.height, x.row), std::min(least.width, x.column)};
  });
  t.origin = {t.origin.height - least.height, t.origin.width - least.width};
  for_each_tap(t, [&](tap& x) {
    x.row -= least.height;
    x.column -= least.width;
    t.reach = {std::max(t.reach.height, x.row), std::max(t.reach.width, x.column)};
  });
  return t;
}

/// The pixels of a row of an input phase that are inside the image: numbers first … last − 1 of
/// those that taps reach, `stride` apart in a row of the image, the first of them at `offset`.
struct line_span {
  std::size_t first, last;

  line_span(const tap_geometry& t, std::size_t phase) : stride(t.in_phases.width) {
    const std::size_t width = t.columns() + t.reach.width, end = t.width + t.origin.width;
    first = std::min(t.origin.width > phase ? ceil_div(t.origin.width - phase, stride) : 0, width);
    last = std::clamp(end > phase ? ceil_div(end - phase, stride) : 0, first, width);
    offset = first * stride + phase - t.origin.width;
  }

  std::size_t stride, offset;
};

}  // namespace lift::detail
