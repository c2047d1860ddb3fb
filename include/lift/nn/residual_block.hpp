// SPDX-License-Identifier: MIT
#pragma once

#include <lift/nn/layers.hpp>

namespace lift::nn {

/// Residual block: h = SiLU(norm(conv3×3(SiLU(norm(x))) + Linear(SiLU(t)) per channel)),
/// y = conv3×3(h) + shortcut(x), the shortcut a 1×1 convolution where the number of
/// channels changes. x (B, C, H, W), t (B, D) → (B, O, H, W).
template <class Scope, class X, class Embedding>
auto residual_block(const Scope& p, const X& x, const Embedding& t, std::size_t out) {
  const auto h = conv2d_group_norm_silu(p / "conv1", p / "norm2", group_norm_silu(p / "norm1", x),
                                        linear(p / "time_mlp", silu(t), out), out, 3, 1);
  const auto y = [&](const auto& shortcut) {
    return conv2d_add(p / "conv2", h, shortcut, out, 3, 1);
  };
  return shape_of(x)[1] == out ? y(x) : y(conv2d(p / "shortcut", x, out, 1));
}

}  // namespace lift::nn
