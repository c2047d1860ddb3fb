// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <lift/metric/feature_extractor.hpp>
#include <lift/metric/pooled_activations.hpp>

namespace lift {

/// The features of a network, its pooled activations, as a feature extractor.
template <class Network, class Tensor>
class network_features : public pooled_activations<Network, Tensor> {
  using activations = pooled_activations<Network, Tensor>;

 public:
  using activations::activations;

  std::string_view name() const { return Network::name; }
  std::size_t dimension(std::size_t, std::size_t) const { return activations::dimension(); }

  Eigen::MatrixXf operator()(const image_batch_view& images) const {
    return matrix_of_rows(activations::operator()(images), images.count);
  }
};

}  // namespace lift
