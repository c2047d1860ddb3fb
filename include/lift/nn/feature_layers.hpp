// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>

#include <lift/nn/layers.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/conv2d_relu.hpp>
#include <lift/op/max_pool2d.hpp>
#include <lift/op/relu.hpp>

namespace lift::nn {

template <class X>
auto relu(const X& x) { return apply(op::relu{}, x); }

/// A convolution and max(·, 0), as networks of features are made of.
template <class Scope, class X>
auto conv2d_relu(const Scope& p, const X& x, std::size_t out, extent2d kernel, extent2d stride = 1,
                 extent2d padding = 0) {
  return convolution(op::conv2d_relu(stride, padding), p, out, kernel, x);
}

/// A 1×1 convolution of several that see one x, and whether of its results is kept max(·, 0).
struct branch {
  const char* name;
  std::size_t out;
  bool rectify = true;
};

/// The results of all, whose parameters are at p / name.
template <class Scope, class X, std::size_t N>
std::array<X, N> branches(const Scope& p, const X& x, const branch (&all)[N]) {
  std::array<X, N> y;
  for (std::size_t i = 0; i < N; ++i)
    y[i] = all[i].rectify ? conv2d_relu(p / all[i].name, x, all[i].out, 1)
                          : conv2d(p / all[i].name, x, all[i].out, 1);
  return y;
}
/// The same of tensors, in one pass over x where the backend has that.
template <class Scope, class Backend, class T, std::size_t N>
std::array<tensor<Backend, T>, N> branches(const Scope& p, const tensor<Backend, T>& x,
                                           const branch (&all)[N]) {
  std::array<op::conv2d::branch<tensor<Backend, T>>, N> kernels;
  const std::size_t in = x.shape()[1];
  for (std::size_t i = 0; i < N; ++i) {
    const std::size_t out = all[i].out;
    const auto [a, bias] = weight_and_bias(p / all[i].name, {out, in, 1, 1}, out, in);
    kernels[i] = {a, bias, all[i].rectify};
  }
  return op::conv2d().products(x, kernels);
}

template <class X>
auto max_pool2d(const X& x, const op::pooling_windows& windows) {
  return apply(op::max_pool2d(windows), x);
}

/// The channels of all, one after another.
template <class X>
X concat(const X& first, const X& second) { return apply(op::concat{}, first, second); }
template <class X, class... More>
X concat(const X& first, const X& second, const More&... more) {
  if constexpr (requires { op::joined_channels({first, second}); })  // a tensor: each is copied once
    return op::joined_channels({first, second, more...});
  else
    return concat(concat(first, second), more...);
}

}  // namespace lift::nn
