// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/convolution_geometry.hpp>
#include <lift/op/affine_map.hpp>

namespace lift::op {

/// Transposed convolution, the adjoint of conv2d in its image, plus a bias:
/// y[b,c, p·stride + i − padding] += A[o,c,i]·x[b,o,p], then + β[c];
/// x (B, O, h, w), A (O, C, kh, kw), β (C), y (B, C, (h − 1)·stride + kh − 2·padding, …), stride
/// and padding for each axis or one for both.
struct conv_transpose2d : affine_map<conv_transpose2d> {
  static constexpr const char* name = "conv_transpose2d";

  extent2d stride = 1;
  extent2d padding = 0;

  constexpr explicit conv_transpose2d(extent2d stride_ = 1, extent2d padding_ = 0)
      : stride(stride_), padding(padding_) {}

  shape output_shape(const shape& x, const shape& a, const shape& bias) const {
    const convolution_geometry g = geometry(x, a);
    require(bias == shape{a[1]}, "conv_transpose2d: shape of the bias", bias, shape{a[1]});
    return {g.batch, g.channels, g.height, g.width};
  }

  template <class Tensor>
  Tensor product(const Tensor& x, const Tensor& a, const Tensor& bias = {}) const {
    const convolution_geometry g = geometry(x.shape(), a.shape(), x.layout(), a.layout());
    Tensor y({g.batch, g.channels, g.height, g.width}, x.layout());
    Tensor::backend_type::convolve_transpose(g, x.data(), a.data(), bias.data(), y.mutable_data());
    return y;
  }
  template <class Tensor>
  Tensor image_gradient(const Tensor& w, const Tensor& a, const shape& x) const {
    Tensor g(x, w.layout());
    Tensor::backend_type::convolve(geometry(x, a.shape(), w.layout(), a.layout()), w.data(),
                                   a.data(), {}, g.mutable_data());
    return g;
  }
  template <class Tensor>
  Tensor weight_gradient(const Tensor& x, const Tensor& w, const Tensor& a) const {
    Tensor g(a.shape(), a.layout());
    Tensor::backend_type::convolve_weight(geometry(x.shape(), a.shape(), x.layout(), a.layout()),
                                          w.data(), x.data(), g.mutable_data());
    return g;
  }

 private:
  /// The geometry of the convolution this is the adjoint of: x is its result.
  convolution_geometry geometry(const shape& x, const shape& a,
                                memory_layout layout = memory_layout::channels_first,
                                memory_layout weight_layout = memory_layout::channels_first) const {
    require(x.rank() == 4 && a.rank() == 4 && a[0] == x[1], "conv_transpose2d: shape of the weight",
            a, text("(channels of ", x, ", any, any, any)"));
    require(stride.area() >= 1, "conv_transpose2d: stride", stride, "at least 1");
    const extent2d k{a[2], a[3]};
    const std::size_t height = (x[2] - 1) * stride.height + k.height;
    const std::size_t width = (x[3] - 1) * stride.width + k.width;
    require(k.area() >= 1 && height > 2 * padding.height && width > 2 * padding.width,
            "conv_transpose2d: shape of the image", x, "a size that the padding does not use up");
    return {.batch = x[0],
            .channels = a[1],
            .height = height - 2 * padding.height,
            .width = width - 2 * padding.width,
            .out_channels = x[1],
            .out_height = x[2],
            .out_width = x[3],
            .kernel = k,
            .stride = stride,
            .padding = padding,
            .layout = layout,
            .weight_layout = weight_layout};
  }
};

}  // namespace lift::op
