// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/backend.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/conv_transpose2d.hpp>

namespace lift::op {

/// y = (conv_transpose2d(x, A, β), z), the channels of both: how a U-Net joins what it has upsampled
/// and a skip connection. A backend may add β as it joins; the rules are those of the two. The inputs
/// are x, z, A and β.
struct conv_transpose2d_concat {
  static constexpr const char* name = "conv_transpose2d_concat";
  static constexpr std::size_t inputs = 4;

  conv_transpose2d up;
  concat join;

  constexpr explicit conv_transpose2d_concat(extent2d stride = 1, extent2d padding = 0)
      : up(stride, padding) {}

  shape output_shape(const shape& x, const shape& z, const shape& a, const shape& bias) const {
    return join.output_shape(up.output_shape(x, a, bias), z);
  }

  template <class Tensor>
  struct saved {
    conv_transpose2d::saved<Tensor> up;
    concat::saved join;
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& z, const Tensor& a, const Tensor& bias) const {
    const shape first = up.output_shape(x.shape(), a.shape(), bias.shape());
    join.output_shape(first, z.shape());  // whether they fit
    return evaluation{joined(x, z, a, bias), saved<Tensor>{{x, a}, {first, z.shape()}}};
  }

  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 4>& d) const {
    const auto& [dx, dz, da, dbias] = d;
    if (!dx.empty() && !dz.empty() && da.empty()) return joined(dx, dz, s.up.a, dbias);
    const bool moves = !dx.empty() || !da.empty() || !dbias.empty();
    return join.jvp<Tensor>(s.join, {moves ? up.jvp(s.up, {dx, da, dbias}) : Tensor(), dz});
  }

  template <class Tensor>
  tangents<Tensor, 4> vjp(const saved<Tensor>& s, const Tensor& w,
                          const selection<4>& wanted) const {
    const auto& [of_x, of_z, of_a, of_bias] = wanted;
    const auto parts = join.vjp(s.join, w, {of_x || of_a || of_bias, of_z});
    tangents<Tensor, 3> of_up;
    if (!parts[0].empty()) of_up = up.vjp(s.up, parts[0], {of_x, of_a, of_bias});
    return {of_up[0], parts[1], of_up[1], of_up[2]};
  }

 private:
  template <class Tensor>
  Tensor joined(const Tensor& x, const Tensor& z, const Tensor& a, const Tensor& bias) const {
    using B = typename Tensor::backend_type;
    if constexpr (pixel_joining_backend<B, typename Tensor::value_type>)
      if (x.layout() == memory_layout::channels_last) {
        const Tensor first = up.product(x, a), second = z.in_layout(x.layout());
        shape s = first.shape();
        s[1] += second.shape()[1];
        Tensor y(s, x.layout());
        B::join_pixels(s[0] * s[2] * s[3], first.shape()[1], first.data(), bias.data(),
                       second.shape()[1], second.data(), y.mutable_data());
        return y;
      }
    return joined_channels({up.product(x, a, bias), z});
  }
};

}  // namespace lift::op
