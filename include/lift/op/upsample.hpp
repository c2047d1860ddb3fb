// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/linear_map.hpp>

namespace lift::kernel {

/// One output row of a map between images of h×w pixels and of 2h×2w pixels.
///
/// Bilinear interpolation ×2 with half-pixel centres (align_corners = false) is separable with
/// taps ¾ and ¼: fine pixel 2i + s takes ¾ of coarse pixel i and ¼ of its neighbour i − 1 (s = 0)
/// or i + 1 (s = 1), edges clamped.
template <class T>
struct upsample_row {
  const T* x;
  T* y;
  std::size_t height, width;  // of x
  image_planes in, out;
  LIFT_HD void operator()(std::size_t row) const {
    using A = accumulator_t<T>;
    const std::size_t plane = row / (2 * height), i = row % (2 * height), step = in.strides.pixel;
    const T* near = x + in(plane, i / 2 * width);
    const T* far = x + in(plane, neighbour(i, height) * width);
    T* to = y + out(plane, i * 2 * width);
    for (std::size_t j = 0; j < 2 * width; ++j) {
      const std::size_t a = j / 2 * step, b = neighbour(j, width) * step;
      to[j * step] = static_cast<T>(A(0.5625) * near[a] + A(0.1875) * (A(near[b]) + far[a]) +
                                    A(0.0625) * far[b]);
    }
  }
  /// The coarse pixel that fine pixel i takes a quarter of.
  LIFT_HD static std::size_t neighbour(std::size_t i, std::size_t n) {
    if (i % 2 == 0) return i == 0 ? 0 : i / 2 - 1;
    return i / 2 + 1 < n ? i / 2 + 1 : n - 1;
  }
};

/// Adjoint of upsample_row, as a gather: one row of coarse pixels from the fine ones.
template <class T>
struct upsample_transpose_row {
  const T* w;
  T* g;
  std::size_t height, width;  // of g
  image_planes in, out;
  LIFT_HD void operator()(std::size_t row) const {
    const std::size_t plane = row / height, i = row % height, step = in.strides.pixel;
    const T* from = w + in(plane, 0);
    T* to = g + out(plane, i * width);
    for (std::size_t j = 0; j < width; ++j) {
      accumulator_t<T> total(0);
      for (std::size_t p = first(i); p < last(i, height); ++p)
        for (std::size_t q = first(j); q < last(j, width); ++q)
          total += weight(p, i, height) * weight(q, j, width) *
                   from[(p * 2 * width + q) * step];
      to[j * step] = static_cast<T>(total);
    }
  }
  LIFT_HD static std::size_t first(std::size_t i) { return i == 0 ? 0 : 2 * i - 1; }
  LIFT_HD static std::size_t last(std::size_t i, std::size_t n) {
    return 2 * i + 3 < 2 * n ? 2 * i + 3 : 2 * n;
  }
  /// The share that fine pixel p takes of coarse pixel i.
  LIFT_HD static accumulator_t<T> weight(std::size_t p, std::size_t i, std::size_t n) {
    using A = accumulator_t<T>;
    return (p / 2 == i ? A(0.75) : A(0)) +
           (upsample_row<T>::neighbour(p, n) == i ? A(0.25) : A(0));
  }
};

}  // namespace lift::kernel

namespace lift::op {

/// Doubles height and width of (B, C, H, W) by bilinear interpolation with half-pixel centres.
struct upsample : linear_map<upsample> {
  static constexpr const char* name = "upsample";

  shape output_shape(const shape& x) const {
    require(x.rank() == 4, "upsample: shape of the image", x, "(B, C, H, W)");
    return {x[0], x[1], 2 * x[2], 2 * x[3]};
  }

  template <class Tensor>
  Tensor map(const Tensor& x) const {
    using T = typename Tensor::value_type;
    const shape s = output_shape(x.shape());
    Tensor y(s, x.layout());
    Tensor::backend_type::for_each(
        s.product(0, 3),
        kernel::upsample_row<T>{x.data(), y.mutable_data(), x.shape()[2], x.shape()[3],
                                {x.layout(), x.shape()}, {x.layout(), s}},
        4 * s[3]);
    return y;
  }
  template <class Tensor>
  Tensor transpose(const Tensor& w, const shape& x) const {
    using T = typename Tensor::value_type;
    Tensor g(x, w.layout());
    Tensor::backend_type::for_each(
        x.product(0, 3),
        kernel::upsample_transpose_row<T>{w.data(), g.mutable_data(), x[2], x[3],
                                          {w.layout(), w.shape()}, {w.layout(), x}},
        32 * x[3]);
    return g;
  }
};

}  // namespace lift::op
