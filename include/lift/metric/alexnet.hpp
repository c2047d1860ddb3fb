// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/metric/feature_network.hpp>
#include <lift/nn/feature_layers.hpp>

namespace lift {

/// The convolutions of AlexNet as torchvision defines and names them (Krizhevsky, *One weird trick
/// for parallelizing convolutional neural networks*, 2014). x (B, 3, H, W) → the five activations,
/// of 64, 192, 384, 256 and 256 channels.
struct alexnet {
  static constexpr const char* name = "alexnet";
  static constexpr std::size_t least_size = 31;
  static constexpr input_preparation preparation = imagenet_input(224);

  template <class Scope, value X>
  std::vector<X> operator()(const Scope& p, const X& x) const {
    const Scope layer = p / "features";
    const op::pooling_windows pool{.kernel = 3, .stride = 2};
    const X first = nn::conv2d_relu(layer / 0, x, 64, 11, 4, 2);
    const X second = nn::conv2d_relu(layer / 3, nn::max_pool2d(first, pool), 192, 5, 1, 2);
    const X third = nn::conv2d_relu(layer / 6, nn::max_pool2d(second, pool), 384, 3, 1, 1);
    const X fourth = nn::conv2d_relu(layer / 8, third, 256, 3, 1, 1);
    return {first, second, third, fourth, nn::conv2d_relu(layer / 10, fourth, 256, 3, 1, 1)};
  }
};
static_assert(is_feature_network<alexnet>());

}  // namespace lift
