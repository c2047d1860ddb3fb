// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <lift/core/shape.hpp>
#include <lift/io/dataset.hpp>
#include <lift/nn/condition.hpp>

namespace lift {

/// The first images of a data set, with the numbers of their classes where they are asked for, as a
/// trainer reads them.
template <class Tensor>
struct dataset_images {
  const image_dataset* data;
  bool labelled = false;
  std::size_t most = std::numeric_limits<std::size_t>::max();

  std::size_t size() const { return std::min(most, data->size()); }
  shape image_shape() const { return {3, data->sides().height, data->sides().width}; }
  void read(std::span<const std::size_t> numbers, std::span<float> to) const {
    data->normalised(numbers, to);
  }
  void expect(std::span<const std::size_t> numbers) const { data->expect(numbers); }
  class_labels labels(std::span<const std::size_t> numbers) const {
    class_labels result;
    for (const std::size_t i : numbers) {
      const auto label = data->label(i);
      if (labelled) result.push_back(label ? static_cast<std::int64_t>(*label) : no_label);
    }
    return result;
  }
  /// The images of those numbers in [−1, 1], (B, 3, H, W).
  Tensor operator()(std::span<const std::size_t> numbers) const {
    const shape dims{numbers.size(), 3, data->sides().height, data->sides().width};
    std::vector<float> values(dims.size());
    read(numbers, values);
    return Tensor(dims, values);
  }
};

}  // namespace lift
