// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <lift/backend/backend.hpp>
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

  /// A kernel of several that are to see one x, and whether of its results is kept max(·, 0).
  template <class Tensor>
  struct branch {
    Tensor a, bias;
    bool rectify;
  };
  /// x∗A + β, or of that max(·, 0), for each branch, in one pass over x where the backend has that.
  template <class Tensor, std::size_t N>
  std::array<Tensor, N> products(const Tensor& x,
                                 const std::array<branch<Tensor>, N>& branches) const {
    using T = typename Tensor::value_type;
    using B = typename Tensor::backend_type;
    std::array<Tensor, N> y;
    if constexpr (branching_backend<B, T>) {
      std::array<convolution_branch<T>, N> parts;
      for (std::size_t i = 0; i < N; ++i) {
        const branch<Tensor>& b = branches[i];
        y[i] = Tensor(output_shape(x.shape(), b.a.shape(), b.bias.shape()));
        parts[i] = {b.a.shape()[0], b.a.data(), {.bias = b.bias.data(), .rectify = b.rectify},
                    y[i].mutable_data()};
      }
      const auto alike = [&](const branch<Tensor>& b) {
        const shape &s = b.a.shape(), &first = branches[0].a.shape();
        return b.a.layout() == memory_layout::channels_first && s[2] == first[2] && s[3] == first[3];
      };
      if (x.layout() == memory_layout::channels_first && std::ranges::all_of(branches, alike)) {
        B::convolve_branches(geometry(x.shape(), branches[0].a.shape()), x.data(),
                             std::span<const convolution_branch<T>>(parts));
        return y;
      }
    }
    for (std::size_t i = 0; i < N; ++i)
      y[i] = product(x, branches[i].a, branches[i].bias, {}, branches[i].rectify);
    return y;
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
