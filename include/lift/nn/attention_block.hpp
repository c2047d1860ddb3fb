// SPDX-License-Identifier: MIT
#pragma once

#include <lift/nn/layers.hpp>
#include <lift/op/attention.hpp>

namespace lift::nn {

/// y = x + proj(attention(qkv(norm(x)))), 1×1 convolutions; (B, C, H, W) → the same.
template <class Scope, class X>
auto attention_block(const Scope& p, const X& x, std::size_t heads) {
  const std::size_t channels = shape_of(x)[1];
  const auto qkv = conv2d(p / "qkv", group_norm(p / "norm", x), 3 * channels, 1);
  return conv2d_add(p / "proj", apply(op::attention(heads), qkv), x, channels, 1);
}

}  // namespace lift::nn
