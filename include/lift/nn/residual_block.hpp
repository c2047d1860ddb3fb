// SPDX-License-Identifier: MIT
#pragma once

#include <lift/nn/layers.hpp>
#include <lift/op/add_per_channel.hpp>

namespace lift::nn {

/// Residual block: h = conv3×3(SiLU(norm(x))) + Linear(SiLU(t)) per channel,
/// y = conv3×3(SiLU(norm(h))) + shortcut(x), the shortcut a 1×1 convolution where the number of
/// channels changes. x (B, C, H, W), t (B, D) → (B, O, H, W).
template <class Scope, class X, class Embedding>
auto residual_block(const Scope& p, const X& x, const Embedding& t, std::size_t out) {
  const auto h = apply(op::add_per_channel{},
                       conv2d(p / "conv1", group_norm_silu(p / "norm1", x), out, 3, 1, 1),
                       linear(p / "time_mlp", silu(t), out));
  const auto y = conv2d(p / "conv2", group_norm_silu(p / "norm2", h), out, 3, 1, 1);
  // Both branches give the type of y: with variables, a plain x becomes one through the add.
  if (shape_of(x)[1] == out) return add(y, x);
  return add(y, conv2d(p / "shortcut", x, out, 1));
}

}  // namespace lift::nn
