// SPDX-License-Identifier: MIT
#pragma once

// Layers: functions of a parameter scope and a value. They run on shapes, tensors, duals and
// variables alike. Initial values are PyTorch's: uniform with bound 1/√fan_in, norms 1 and 0. A
// kernel's size, a stride and a padding are one number for both axes, or height and width, {1, 7}.

#include <cmath>
#include <cstddef>
#include <utility>

#include <lift/ad/apply.hpp>
#include <lift/nn/parameters.hpp>
#include <lift/op/conv2d.hpp>
#include <lift/op/conv2d_add.hpp>
#include <lift/op/conv2d_group_norm_silu.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/conv_transpose2d_concat.hpp>
#include <lift/op/group_norm_silu.hpp>
#include <lift/op/linear.hpp>
#include <lift/op/silu.hpp>

namespace lift::nn {

/// The parameters "weight" and "bias", in this order.
template <class Scope>
auto weight_and_bias(const Scope& p, const shape& weight, std::size_t out, std::size_t fan_in) {
  const initialiser start{.bound = 1 / std::sqrt(static_cast<double>(fan_in))};
  auto a = p("weight", weight, start);
  return std::pair(std::move(a), p("bias", shape{out}, start));
}

/// Those of a normalisation of so many channels.
template <class Scope>
auto scale_and_offset(const Scope& p, std::size_t channels) {
  auto gamma = p("weight", shape{channels}, initialiser{.centre = 1});
  return std::pair(std::move(gamma), p("bias", shape{channels}, initialiser{}));
}

/// A primitive of the inputs x..., then its parameters "weight" and "bias".
template <class Op, class Scope, class... X>
auto affine(const Op& primitive, const Scope& p, const shape& weight, std::size_t out,
            std::size_t fan_in, const X&... x) {
  const auto [a, bias] = weight_and_bias(p, weight, out, fan_in);
  return apply(primitive, x..., a, bias);
}

/// A convolution of x and what follows it among the inputs, the weight (O, C, kh, kw).
template <class Op, class Scope, class X, class... More>
auto convolution(const Op& primitive, const Scope& p, std::size_t out, extent2d kernel, const X& x,
                 const More&... more) {
  const std::size_t in = shape_of(x)[1];
  return affine(primitive, p, {out, in, kernel.height, kernel.width}, out, in * kernel.area(), x,
                more...);
}

template <class X>
auto silu(const X& x) { return apply(op::silu{}, x); }

/// (B, I) → (B, O).
template <class Scope, class X>
auto linear(const Scope& p, const X& x, std::size_t out) {
  const std::size_t in = shape_of(x)[1];
  return affine(op::linear{}, p, {out, in}, out, in, x);
}

/// (B, C, H, W) → (B, O, …), the weight (O, C, kh, kw).
template <class Scope, class X>
auto conv2d(const Scope& p, const X& x, std::size_t out, extent2d kernel, extent2d stride = 1,
            extent2d padding = 0) {
  return convolution(op::conv2d(stride, padding), p, out, kernel, x);
}

/// The same with stride 1, plus r: (B, O, …), or (B, O) for all pixels.
template <class Scope, class X, class R>
auto conv2d_add(const Scope& p, const X& x, const R& r, std::size_t out, extent2d kernel,
                extent2d padding = 0) {
  return convolution(op::conv2d_add(1, padding), p, out, kernel, x, r);
}

/// group_norm_silu of a convolution with stride 1 plus r (B, O), for all pixels: (B, O, …). The
/// convolution's weight and bias are those of `conv`, the normalisation's those of `norm`.
template <class Scope, class X, class R>
auto conv2d_group_norm_silu(const Scope& conv, const Scope& norm, const X& x, const R& r,
                            std::size_t out, extent2d kernel, extent2d padding = 0) {
  const std::size_t in = shape_of(x)[1];
  const auto [a, bias] = weight_and_bias(conv, {out, in, kernel.height, kernel.width}, out,
                                         in * kernel.area());
  const auto [gamma, beta] = scale_and_offset(norm, out);
  return apply(op::conv2d_group_norm_silu(1, padding), x, r, a, bias, gamma, beta);
}

/// (B, C, H, W) → (B, O, …); the weight is (C, O, kh, kw) and, as in PyTorch, its
/// fan-in counts the outputs.
template <class Scope, class X>
auto conv_transpose2d(const Scope& p, const X& x, std::size_t out, extent2d kernel, extent2d stride,
                      extent2d padding) {
  const std::size_t in = shape_of(x)[1];
  return affine(op::conv_transpose2d(stride, padding), p, {in, out, kernel.height, kernel.width},
                out, out * kernel.area(), x);
}

/// The channels of that and those of z, which is as large: (B, O + channels of z, …).
template <class Scope, class X, class Z>
auto conv_transpose2d_concat(const Scope& p, const X& x, const Z& z, std::size_t out,
                             extent2d kernel, extent2d stride, extent2d padding) {
  const std::size_t in = shape_of(x)[1];
  return affine(op::conv_transpose2d_concat(stride, padding), p,
                {in, out, kernel.height, kernel.width}, out, out * kernel.area(), x, z);
}

/// GroupNorm over 8 groups, ε = 1e-5, and the activation of `Op`.
template <class Op, class Scope, class X>
auto normalise(const Scope& p, const X& x) {
  const auto [gamma, beta] = scale_and_offset(p, shape_of(x)[1]);
  return apply(Op{}, x, gamma, beta);
}
template <class Scope, class X>
auto group_norm(const Scope& p, const X& x) { return normalise<op::group_norm>(p, x); }
template <class Scope, class X>
auto group_norm_silu(const Scope& p, const X& x) { return normalise<op::group_norm_silu>(p, x); }

}  // namespace lift::nn
