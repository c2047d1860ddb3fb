// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

#include <Eigen/Core>

#include <lift/metric/image_batch_view.hpp>

namespace lift {

/// Features that lie row by row, an image's in each of `count` rows, as a matrix.
inline Eigen::MatrixXf matrix_of_rows(std::span<const float> values, std::size_t count) {
  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const row_major>(
      values.data(), static_cast<Eigen::Index>(count),
      static_cast<Eigen::Index>(count == 0 ? 0 : values.size() / count));
}

/// Turns each image of a batch into a row of features: (N, C, H, W) → N × dimension(H, W). Its name
/// is printed beside every distance, as distances in different features cannot be compared.
template <class Extractor>
concept feature_extractor = requires(const Extractor& extractor, const image_batch_view& images) {
  { extractor(images) } -> std::convertible_to<Eigen::MatrixXf>;
  { extractor.dimension(images.height, images.width) } -> std::convertible_to<std::size_t>;
  { extractor.name() } -> std::convertible_to<std::string_view>;
};

/// True of a feature extractor; of anything else it does not compile, and says what is wanted.
template <class Extractor>
constexpr bool is_feature_extractor() {
  constexpr bool holds = feature_extractor<Extractor>;
  static_assert(holds,
                "a feature extractor is to be callable, when const, with a lift::image_batch_view, "
                "giving Eigen::MatrixXf, and to have dimension(height, width) and name()");
  return holds;
}

}  // namespace lift
