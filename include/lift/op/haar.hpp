// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/linear_map.hpp>

namespace lift::kernel {

/// Two rows of pixels of one channel, and the four rows of Haar coefficients that they make.
template <class T>
struct haar_rows {
  const T* x;  // (B, C, 2h, 2w), or with inverse (B, 4C, h, w)
  T* y;        // the other
  std::size_t channels, height, width;  // C, h, w
  bool inverse;
  image_planes pixels, coefficients;
  LIFT_HD void operator()(std::size_t row) const {
    using A = accumulator_t<T>;
    const std::size_t plane = row / height, i = row % height, step = pixels.strides.pixel;
    const std::size_t top = pixels(plane, i * 4 * width);
    const std::size_t part = channels * coefficients.strides.channel;
    const std::size_t parts =
        coefficients(plane / channels * 4 * channels + plane % channels, i * width);
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t left = top + 2 * j * step, below = left + 2 * width * step,
                        own = parts + j * coefficients.strides.pixel;
      const std::size_t square[4] = {left, left + step, below, below + step};
      A v[4];
      for (std::size_t k = 0; k < 4; ++k) v[k] = A(x[inverse ? own + k * part : square[k]]);
      // The matrix is its own inverse.
      const A sums[4] = {v[0] + v[1] + v[2] + v[3], v[0] - v[1] + v[2] - v[3],
                         v[0] + v[1] - v[2] - v[3], v[0] - v[1] - v[2] + v[3]};
      for (std::size_t k = 0; k < 4; ++k)
        y[inverse ? square[k] : own + k * part] = static_cast<T>(A(0.5) * sums[k]);
    }
  }
};

}  // namespace lift::kernel

namespace lift::op {

/// Haar's orthonormal transform of 2×2 pixels, (B, C, H, W) → (B, 4C, H/2, W/2): C channels of sums,
/// then C each of differences along the rows, along the columns, and of both, all over 2.
struct haar : linear_map<haar> {
  static constexpr const char* name = "haar";

  shape output_shape(const shape& x) const {
    require(x.rank() == 4 && x[2] % 2 == 0 && x[3] % 2 == 0, "haar: shape of the image", x,
            "(B, C, H, W) with even H and W");
    return {x[0], 4 * x[1], x[2] / 2, x[3] / 2};
  }

  template <class Tensor>
  Tensor map(const Tensor& x) const {
    return transformed(x, output_shape(x.shape()), output_shape(x.shape()), false);
  }
  template <class Tensor>
  Tensor transpose(const Tensor& w, const shape& x) const {
    return transformed(w, x, w.shape(), true);
  }

  /// x or the coefficients of x, of this shape, made into the other.
  template <class Tensor>
  static Tensor transformed(const Tensor& from, const shape& to, const shape& coefficients,
                            bool inverse) {
    using T = typename Tensor::value_type;
    const std::size_t channels = coefficients[1] / 4, height = coefficients[2],
                      width = coefficients[3];
    Tensor y(to, from.layout());
    const image_planes of_pixels(from.layout(), inverse ? to : from.shape());
    Tensor::backend_type::for_each(
        coefficients[0] * channels * height,
        kernel::haar_rows<T>{from.data(), y.mutable_data(), channels, height, width, inverse,
                             of_pixels, {from.layout(), coefficients}},
        16 * width);
    return y;
  }
};

}  // namespace lift::op
