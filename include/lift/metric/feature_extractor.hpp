// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include <Eigen/Dense>

#include <lift/metric/image_batch_view.hpp>

namespace lift {

/// Turns each image of a batch into a row of features: (N, C, H, W) → N × dimension(H, W). Its name
/// is printed beside every distance, as distances in different features cannot be compared.
template <class Extractor>
concept feature_extractor = requires(const Extractor& extractor, const image_batch_view& images) {
  { extractor(images) } -> std::convertible_to<Eigen::MatrixXf>;
  { extractor.dimension(images.height, images.width) } -> std::convertible_to<std::size_t>;
  { extractor.name() } -> std::convertible_to<std::string_view>;
};

}  // namespace lift
