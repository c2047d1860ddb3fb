// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/linear_map.hpp>

namespace lift::kernel {

/// One row of coarse pixels, each `scale` times the sum of its 2×2 fine pixels.
template <class T>
struct block_sum_row {
  const T* x;
  T* y;
  std::size_t width;  // of y
  accumulator_t<T> scale;
  LIFT_HD void operator()(std::size_t row) const {
    const T* top = x + row * 4 * width;
    const T* bottom = top + 2 * width;
    for (std::size_t j = 0; j < width; ++j)
      y[row * width + j] = static_cast<T>(
          scale * (top[2 * j] + top[2 * j + 1] + bottom[2 * j] + bottom[2 * j + 1]));
  }
};

/// One row of fine pixels, each `scale` times the coarse pixel it lies in.
template <class T>
struct block_copy_row {
  const T* x;
  T* y;
  std::size_t width;  // of y
  accumulator_t<T> scale;
  LIFT_HD void operator()(std::size_t row) const {
    const T* from = x + row / 2 * (width / 2);
    for (std::size_t j = 0; j < width; ++j) y[row * width + j] = static_cast<T>(scale * from[j / 2]);
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
    Tensor y(s);
    Tensor::backend_type::for_each(
        s.product(0, 3), kernel::block_sum_row<T>{x.data(), y.mutable_data(), s[3], 0.25},
        4 * s[3]);
    return y;
  }
  template <class Tensor>
  Tensor transpose(const Tensor& w, const shape& x) const {
    using T = typename Tensor::value_type;
    Tensor g(x);
    Tensor::backend_type::for_each(
        x.product(0, 3), kernel::block_copy_row<T>{w.data(), g.mutable_data(), x[3], 0.25},
        x[3]);
    return g;
  }
};

}  // namespace lift::op
