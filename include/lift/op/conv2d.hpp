// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/convolution_geometry.hpp>
#include <lift/op/affine_map.hpp>

namespace lift::op {

/// Convolution as in neural networks (cross-correlation) with zero padding:
/// y[b,o,p] = Σ_{c,i} A[o,c,i]·x[b,c, p·stride + i − padding] + β[o];
/// x (B, C, H, W), A (O, C, kh, kw), β (O), y (B, O, (H + 2·padding − kh)/stride + 1, …), stride
/// and padding for each axis or one for both.
struct conv2d : affine_map<conv2d> {
  static constexpr const char* name = "conv2d";

  extent2d stride = 1;
  extent2d padding = 0;

  constexpr explicit conv2d(extent2d stride_ = 1, extent2d padding_ = 0)
      : stride(stride_), padding(padding_) {}

  shape output_shape(const shape& x, const shape& a, const shape& bias) const {
    const convolution_geometry g = geometry(x, a);
    require(bias == shape{a[0]}, "conv2d: shape of the bias", bias, shape{a[0]});
    return {g.batch, g.out_channels, g.out_height, g.out_width};
  }

  /// x∗A + β + r, or of that max(·, 0); β or r may be empty, r is as conv2d_add takes it.
  template <class Tensor>
  Tensor product(const Tensor& x, const Tensor& a, const Tensor& bias = {}, const Tensor& r = {},
                 bool rectify = false) const {
    const convolution_geometry g = geometry(x.shape(), a.shape(), x.layout(), a.layout());
    Tensor y({g.batch, g.out_channels, g.out_height, g.out_width}, x.layout());
    const bool pixels = r.shape().rank() == 4;
    const Tensor added = r.in_layout(x.layout());
    Tensor::backend_type::convolve(g, x.data(), a.data(),
                                   {.bias = bias.data(),
                                    .vectors = pixels ? nullptr : added.data(),
                                    .images = pixels ? added.data() : nullptr,
                                    .rectify = rectify},
                                   y.mutable_data());
    return y;
  }
  template <class Tensor>
  Tensor image_gradient(const Tensor& w, const Tensor& a, const shape& x) const {
    using T = typename Tensor::value_type;
    Tensor g(x, w.layout());
    Tensor::backend_type::convolve_transpose(geometry(x, a.shape(), w.layout(), a.layout()),
                                             w.data(), a.data(), static_cast<const T*>(nullptr),
                                             g.mutable_data());
    return g;
  }
  template <class Tensor>
  Tensor weight_gradient(const Tensor& x, const Tensor& w, const Tensor& a) const {
    Tensor g(a.shape(), a.layout());
    Tensor::backend_type::convolve_weight(geometry(x.shape(), a.shape(), x.layout(), a.layout()),
                                          x.data(), w.data(), g.mutable_data());
    return g;
  }

 private:
  convolution_geometry geometry(const shape& x, const shape& a,
                                memory_layout layout = memory_layout::channels_first,
                                memory_layout weight_layout = memory_layout::channels_first) const {
    require(x.rank() == 4 && a.rank() == 4 && a[1] == x[1], "conv2d: shape of the weight", a,
            text("(any, channels of ", x, ", any, any)"));
    require(stride.area() >= 1, "conv2d: stride", stride, "at least 1");
    const extent2d k{a[2], a[3]};
    const std::size_t height = x[2] + 2 * padding.height, width = x[3] + 2 * padding.width;
    require(k.area() >= 1 && height >= k.height && width >= k.width, "conv2d: shape of the image",
            x, text("a padded size of at least ", k));
    return {.batch = x[0],
            .channels = x[1],
            .height = x[2],
            .width = x[3],
            .out_channels = a[0],
            .out_height = (height - k.height) / stride.height + 1,
            .out_width = (width - k.width) / stride.width + 1,
            .kernel = k,
            .stride = stride,
            .padding = padding,
            .layout = layout,
            .weight_layout = weight_layout};
  }
};

}  // namespace lift::op
