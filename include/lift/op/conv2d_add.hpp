// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/op/conv2d.hpp>

namespace lift::op {

/// A convolution and a sum in one pass, f(x, r, A, β) = conv2d(x, A, β) + r, where r is (B, O, …)
/// as y, or (B, O), the same for all pixels;  dy = d(conv2d) + dr; the gradient of r is w or its
/// sums over the pixels.
struct conv2d_add {
  static constexpr const char* name = "conv2d_add";
  static constexpr std::size_t inputs = 4;

  conv2d convolution;

  constexpr explicit conv2d_add(extent2d stride = 1, extent2d padding = 0)
      : convolution(stride, padding) {}

  shape output_shape(const shape& x, const shape& r, const shape& a, const shape& bias) const {
    const shape y = convolution.output_shape(x, a, bias);
    require(r == y || r == shape{y[0], y[1]}, "conv2d_add: shape of what is added", r,
            text(y, " or its first two axes"));
    return y;
  }

  template <class Tensor>
  struct saved {
    conv2d::saved<Tensor> convolution;
    bool pixels;  // whether r has them
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& r, const Tensor& a, const Tensor& bias) const {
    output_shape(x.shape(), r.shape(), a.shape(), bias.shape());
    return evaluation{convolution.product(x, a, bias, r),
                      saved<Tensor>{{x, a}, r.shape().rank() == 4}};
  }

  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 4>& d) const {
    const auto& [x, a] = s.convolution;
    const auto& [dx, dr, da, dbias] = d;
    if (!dx.empty() && da.empty()) return convolution.product(dx, a, dbias, dr);
    Tensor dy = convolution.jvp(s.convolution, {dx, da, dbias});
    if (dr.empty() || s.pixels) {
      accumulate(dy, dr);
      return dy;
    }
    shape y = convolution.output_shape(x.shape(), a.shape(), shape{a.shape()[0]});
    y[0] = dr.shape()[0];
    accumulate(dy, mapped<Tensor>(y, kernel::identity{}, spread(dr, y.product(2, y.rank()))));
    return dy;
  }

  template <class Tensor>
  tangents<Tensor, 4> vjp(const saved<Tensor>& s, const Tensor& w,
                          const selection<4>& wanted) const {
    const bool of_images = wanted[1] && !s.pixels;
    const auto g =
        convolution.vjp(s.convolution, w, {wanted[0], wanted[2], wanted[3] && !of_images});
    tangents<Tensor, 4> all{g[0], w, g[1], g[2]};
    if (of_images) {
      using T = typename Tensor::value_type;
      const auto sums = pixel_sums(w);
      all[1] = rounded_to<T>(sums);
      if (wanted[3]) all[3] = rounded_to<T>(sum_of_channels(sums));
    }
    return all;
  }
};

}  // namespace lift::op
