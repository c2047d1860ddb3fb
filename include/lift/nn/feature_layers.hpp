// SPDX-License-Identifier: MIT
#pragma once

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
