// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <lift/metric/feature_network.hpp>
#include <lift/op/average_pool2d.hpp>

namespace lift {

/// The means over pixels of the activations of one of a network's stages. Images are prepared and
/// shown to it 8 at a time, on the backend of `Tensor`.
template <class Network, class Tensor>
  requires(is_feature_network<Network>())
class pooled_activations {
 public:
  /// `stage` counts the network's stages from 0; none is the last. Throws lift::error where the
  /// network has no such stage, or asks for a parameter that is not there.
  explicit pooled_activations(parameters<Tensor> weights, Network network = {},
                              const input_preparation& preparation = Network::preparation,
                              std::optional<std::size_t> stage = {})
      : network_(network), weights_(std::move(weights)), preparation_(preparation) {
    parameter_list list;
    const std::vector<shape> stages =
        network_(scope(list), shape{1, 3, Network::least_size, Network::least_size});
    for (const parameter_declaration& wanted : list.entries())
      weights_.get(wanted.name, wanted.shape, wanted.start);
    stage_ = stage.value_or(stages.size() - 1);
    require(stage_ < stages.size(), text("stage of the network ", Network::name), stage_,
            text("below ", stages.size()));
    dimension_ = stages[stage_][1];
  }

  std::size_t dimension() const { return dimension_; }

  /// (B, dimension()), row by row; throws lift::error as `prepared`.
  std::vector<float> operator()(const image_batch_view& images) const {
    constexpr std::size_t at_once = 8;
    std::vector<float> rows;
    for (std::size_t first = 0; first < images.count; first += at_once) {
      const auto part = images.part(first, std::min(at_once, images.count - first));
      const Tensor x = prepared<Tensor>(preparation_, part, Network::least_size);
      const Tensor y = network_(scope(weights_), x)[stage_];
      const op::pooling_windows whole{.kernel = {y.shape()[2], y.shape()[3]}};
      const auto means = apply(op::average_pool2d(whole), y).to_host();
      rows.insert(rows.end(), means.begin(), means.end());
    }
    return rows;
  }

 private:
  Network network_;
  parameters<Tensor> weights_;
  input_preparation preparation_;
  std::size_t stage_ = 0, dimension_ = 0;
};

}  // namespace lift
