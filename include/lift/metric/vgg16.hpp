// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/metric/feature_network.hpp>
#include <lift/nn/feature_layers.hpp>

namespace lift {

/// The convolutions of VGG-16 (Simonyan and Zisserman 2014, configuration D), named as torchvision's.
/// x (B, 3, H, W) → relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3, of 64, 128, 256, 512 and 512
/// channels, each half as high and wide as the one before.
struct vgg16 {
  static constexpr const char* name = "vgg16";
  static constexpr std::size_t least_size = 16;
  static constexpr input_preparation preparation = imagenet_input(224);

  template <class Scope, value X>
  std::vector<X> operator()(const Scope& p, X x) const {
    struct stage {
      std::size_t channels, convolutions;
    };
    std::vector<X> stages;
    std::size_t layer = 0;  // as torchvision counts convolutions, activations and pools
    for (const stage& s : {stage{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}) {
      if (layer > 0) {
        x = nn::max_pool2d(x, {.kernel = 2});
        ++layer;
      }
      for (std::size_t i = 0; i < s.convolutions; ++i, layer += 2)
        x = nn::conv2d_relu(p / "features" / layer, x, s.channels, 3, 1, 1);
      stages.push_back(x);
    }
    return stages;
  }
};
static_assert(is_feature_network<vgg16>());

}  // namespace lift
