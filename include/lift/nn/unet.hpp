// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/nn/attention_block.hpp>
#include <lift/nn/residual_block.hpp>
#include <lift/op/concat.hpp>

namespace lift::nn {

/// Two residual blocks, then attention where there are at least 128 channels.
template <class Scope, class X, class Embedding>
auto unet_level(const Scope& p, const X& x, const Embedding& t, std::size_t channels) {
  auto h = residual_block(p / 0, x, t, channels);
  h = residual_block(p / 1, h, t, channels);
  if (channels >= 128) h = attention_block(p / 2, h);
  return h;
}

/// The U-Net of Ho et al. (2020) as LIFT uses it: (B, C, H, W) and an embedding (B, D) →
/// (B, out, H, W). One level for every entry of `dims`, each halving the size (the last too), so
/// H and W are multiples of 2^levels; channels are multiples of 8.
template <class Scope, class X, class Embedding>
auto unet(const Scope& p, const std::vector<std::size_t>& dims, const X& x, const Embedding& t,
          std::size_t out) {
  const std::size_t levels = dims.size(), deepest = dims.back();
  auto h = conv2d(p / "init_conv", x, dims.front(), 3, 1, 1);
  std::vector<decltype(h)> skips;
  for (std::size_t i = 0; i < levels; ++i) {
    h = unet_level(p / "encoder_blocks" / i, h, t, dims[i]);
    skips.push_back(h);
    h = conv2d(p / "downsample" / i, h, dims[i], 4, 2, 1);
  }
  const auto bottleneck = p / "bottleneck";
  h = residual_block(bottleneck / 0, h, t, deepest);
  h = attention_block(bottleneck / 1, h);
  h = residual_block(bottleneck / 2, h, t, deepest);
  for (std::size_t i = 0; i < levels; ++i) {
    h = conv_transpose2d(p / "upsample" / i, h, shape_of(h)[1], 4, 2, 1);
    h = apply(op::concat{}, h, skips.back());
    skips.pop_back();
    h = unet_level(p / "decoder_blocks" / i, h, t, dims[levels - 1 - i]);
  }
  const auto head = p / "final_conv";
  return conv2d(head / 2, group_norm_silu(head / 0, h), out, 3, 1, 1);
}

}  // namespace lift::nn
