// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/metric/feature_network.hpp>
#include <lift/nn/feature_layers.hpp>

namespace lift {

/// SqueezeNet 1.1 (Iandola et al. 2016) as its authors' Caffe model defines and names it, without
/// the classifier: channels are blue, green, red in 0 … 255 less their means, pools round up.
/// x (B, 3, H, W) → fire3, fire5, fire7 and fire9, of 128, 256, 384 and 512 channels.
struct squeezenet {
  static constexpr const char* name = "squeezenet1_1";
  static constexpr std::size_t least_size = 17;
  static constexpr input_preparation preparation = {
      .size = 227,
      .mean = {104.006 / 127.5 - 1, 116.669 / 127.5 - 1, 122.679 / 127.5 - 1},
      .deviation = {1 / 127.5, 1 / 127.5, 1 / 127.5},
      .order = {2, 1, 0}};

  template <class Scope, value X>
  std::vector<X> operator()(const Scope& p, const X& x) const {
    const op::pooling_windows pool{.kernel = 3, .stride = 2, .ceiling = true};
    const auto fire = [&](const char* module, const X& from, std::size_t squeezed,
                          std::size_t expanded) {
      const Scope f = p / module;
      const X s = nn::conv2d_relu(f / "squeeze1x1", from, squeezed, 1);
      return nn::concat(nn::conv2d_relu(f / "expand1x1", s, expanded, 1),
                        nn::conv2d_relu(f / "expand3x3", s, expanded, 3, 1, 1));
    };
    const X stem = nn::conv2d_relu(p / "conv1", x, 64, 3, 2);
    const X fire3 = fire("fire3", fire("fire2", nn::max_pool2d(stem, pool), 16, 64), 16, 64);
    const X fire5 = fire("fire5", fire("fire4", nn::max_pool2d(fire3, pool), 32, 128), 32, 128);
    const X fire7 = fire("fire7", fire("fire6", nn::max_pool2d(fire5, pool), 48, 192), 48, 192);
    return {fire3, fire5, fire7, fire("fire9", fire("fire8", fire7, 64, 256), 64, 256)};
  }
};
static_assert(is_feature_network<squeezenet>());

}  // namespace lift
