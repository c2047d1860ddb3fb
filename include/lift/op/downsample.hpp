// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/linear_map.hpp>

namespace lift::kernel {

/// One row of coarse pixels, each `scale` times the sum of its 2×2 fine pixels.
template <class T>
struct block_sum_row {
  const T* x;
  T* y;
  std::size_t height, width;  // of y
  accumulator_t<T> scale;
  image_planes in, out;
  LIFT_HD void operator()(std::size_t row) const {
    const std::size_t plane = row / height, i = row % height, step = in.strides.pixel;
    const T* top = x + in(plane, i * 4 * width);
    const T* bottom = top + 2 * width * step;
    T* to = y + out(plane, i * width);
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t left = 2 * j * step, right = left + step;
      to[j * step] = static_cast<T>(scale * (top[left] + top[right] + bottom[left] + bottom[right]));
    }
  }
};

/// One row of fine pixels, each `scale` times the coarse pixel it lies in.
template <class T>
struct block_copy_row {
  const T* x;
  T* y;
  std::size_t height, width;  // of y
  accumulator_t<T> scale;
  image_planes in, out;
  LIFT_HD void operator()(std::size_t row) const {
    const std::size_t plane = row / height, i = row % height, step = in.strides.pixel;
    const T* from = x + in(plane, i / 2 * (width / 2));
    T* to = y + out(plane, i * width);
    for (std::size_t j = 0; j < width; ++j)
      to[j * step] = static_cast<T>(scale * from[j / 2 * step]);
  }
};

}  // namespace lift::kernel

namespace lift::op {

/// Halves height and width of (B, C, H, W): every pixel the mean of 2×2.
struct downsample : linear_map<downsample> {
  static constexpr const char* name = "downsample";

  shape output_shape(const shape& x) const {
    require(x.rank() == 4 && x[2] % 2 == 0 && x[3] % 2 == 0, "downsample: shape of the image", x,
            "(B, C, H, W) with even H and W");
    return {x[0], x[1], x[2] / 2, x[3] / 2};
  }

  template <class Tensor>
  Tensor map(const Tensor& x) const {
    using T = typename Tensor::value_type;
    const shape s = output_shape(x.shape());
    Tensor y(s, x.layout());
    Tensor::backend_type::for_each(
        s.product(0, 3),
        kernel::block_sum_row<T>{x.data(), y.mutable_data(), s[2], s[3], 0.25,
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
        kernel::block_copy_row<T>{w.data(), g.mutable_data(), x[2], x[3], 0.25,
                                  {w.layout(), w.shape()}, {w.layout(), x}},
        x[3]);
    return g;
  }
};

}  // namespace lift::op
