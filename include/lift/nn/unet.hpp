// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <lift/core/image_size.hpp>
#include <lift/nn/attention_block.hpp>
#include <lift/nn/residual_block.hpp>
#include <lift/nn/told_timesteps.hpp>
#include <lift/pyramid/any_pyramid.hpp>

namespace lift {

/// The configuration of a U-Net; the defaults are the reference's.
struct unet_config {
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};  ///< channels of each level
  std::size_t blocks = 2;                                      ///< residual blocks of a level
  /// The levels that end in attention, 0 the finest; where they are not given, those of at least
  /// 128 channels.
  std::optional<std::vector<std::size_t>> attention_levels = {};
  std::size_t heads = 4;  ///< of attention
  std::size_t image_channels = 3;
  std::size_t classes = 0;  ///< whose labels it is told; 0: it is told none
  std::string pyramid = pyramid_choices[0].name;  ///< that makes the scales
  std::string told_timesteps = told_timesteps_choices[0].name;

  bool attends(std::size_t level) const {
    if (!attention_levels) return hidden_dims[level] >= 128;
    return std::ranges::find(*attention_levels, level) != attention_levels->end();
  }

  /// Both sides of fine images are multiples of it. Throws lift::error for a configuration of no U-Net.
  std::size_t size_factor() const {
    require(!hidden_dims.empty() && hidden_dims.size() < 16, "number of hidden dims",
            hidden_dims.size(), "1 to 15");
    for (const std::size_t d : hidden_dims)
      require(d > 0 && d % 8 == 0 && d <= 65536, "hidden dim", d,
              d <= 65536 ? "a positive multiple of 8" : "at most 65536");
    const auto within = [](const char* what, std::size_t value, std::size_t least,
                           std::size_t most) {
      require(value >= least && value <= most, what, value, text(least, " to ", most));
    };
    within("residual blocks of a level", blocks, 1, 64);
    within("channels of an image", image_channels, 1, 1024);
    within("classes of a network", classes, 0, 1'000'000);
    make_pyramid(pyramid);
    make_told_timesteps(told_timesteps);
    const std::size_t deepest = hidden_dims.size() - 1;
    if (attention_levels)
      within("number of levels with attention", attention_levels->size(), 0, deepest + 1);
    for (const std::size_t level : attention_levels.value_or(std::vector<std::size_t>()))
      within("level with attention", level, 0, deepest);
    for (std::size_t level = 0; level <= deepest; ++level)
      if (attends(level) || level == deepest)  // the bottleneck attends
        require(heads > 0 && hidden_dims[level] % heads == 0, "heads of attention", heads,
                text("a divisor of the ", hidden_dims[level], " channels of level ", level));
    return std::size_t{1} << hidden_dims.size();
  }
  /// Throws lift::error unless fine images of this size can be taken.
  void require_size(const image_size& size) const {
    require_multiple("image size for these hidden dims", size, size_factor());
  }

  /// Calls visit(name, field) for each field, as files keep them.
  template <class Config, class Visit>
  static void for_each_field(Config& config, const Visit& visit) {
    visit("hidden_dims", config.hidden_dims);
    visit("blocks", config.blocks);
    visit("attention_levels", config.attention_levels);
    visit("heads", config.heads);
    visit("image_channels", config.image_channels);
    visit("classes", config.classes);
    visit("pyramid", config.pyramid);
    visit("told_timesteps", config.told_timesteps);
  }
  friend bool operator==(const unet_config&, const unet_config&) = default;
};

namespace nn {

/// Residual blocks, and attention where the level has it.
template <class Scope, class X, class Embedding>
auto unet_level(const Scope& p, const unet_config& config, std::size_t level, const X& x,
                const Embedding& t) {
  auto h = x;
  for (std::size_t i = 0; i < config.blocks; ++i)
    h = residual_block(p / i, h, t, config.hidden_dims[level]);
  if (config.attends(level)) h = attention_block(p / config.blocks, h, config.heads);
  return h;
}

/// The U-Net of Ho et al. (2020) as LIFT uses it: (B, C, H, W) and an embedding (B, D) →
/// (B, out, H, W). One level for each of the hidden dims, each halving the size (the last too), so
/// H and W are multiples of 2^levels; channels are multiples of 8.
template <class Scope, class X, class Embedding>
auto unet(const Scope& p, const unet_config& config, const X& x, const Embedding& t,
          std::size_t out) {
  const auto& dims = config.hidden_dims;
  const std::size_t levels = dims.size(), deepest = dims.back();
  auto h = conv2d(p / "init_conv", x, dims.front(), 3, 1, 1);
  std::vector<decltype(h)> skips;
  for (std::size_t i = 0; i < levels; ++i) {
    h = unet_level(p / "encoder_blocks" / i, config, i, h, t);
    skips.push_back(h);
    h = conv2d(p / "downsample" / i, h, dims[i], 4, 2, 1);
  }
  const auto bottleneck = p / "bottleneck";
  h = residual_block(bottleneck / 0, h, t, deepest);
  h = attention_block(bottleneck / 1, h, config.heads);
  h = residual_block(bottleneck / 2, h, t, deepest);
  for (std::size_t i = 0; i < levels; ++i) {
    h = conv_transpose2d_concat(p / "upsample" / i, h, skips.back(), shape_of(h)[1], 4, 2, 1);
    skips.pop_back();
    h = unet_level(p / "decoder_blocks" / i, config, levels - 1 - i, h, t);
  }
  const auto head = p / "final_conv";
  return conv2d(head / 2, group_norm_silu(head / 0, h), out, 3, 1, 1);
}

}  // namespace nn
}  // namespace lift
