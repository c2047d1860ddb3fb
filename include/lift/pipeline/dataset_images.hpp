// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include <lift/core/shape.hpp>
#include <lift/io/dataset.hpp>
#include <lift/nn/condition.hpp>
#include <lift/pipeline/levels_on_backend.hpp>

namespace lift {

/// The first images of a data set, with the numbers of their classes where they are asked for, as a
/// trainer reads them.
template <class Tensor>
struct dataset_images {
  const image_dataset* data;
  bool labelled = false;
  std::size_t most = std::numeric_limits<std::size_t>::max();
  /// Where they are kept once more, in the backend's memory; null where they are not.
  std::shared_ptr<const levels_on_backend<Tensor>> kept = {};

  /// Keeps the images in the backend's memory too, a byte a level, if all together take no more than
  /// so many: their batches are gathered there then, and no image passes from the host any more.
  /// Those of an index are left where they are.
  void keep_on_backend(std::size_t most_bytes = std::size_t{1} << 30) {
    if (data->index() || size() > most_bytes / image_shape().size()) return;
    try {
      kept = std::make_shared<const levels_on_backend<Tensor>>(*data, size());
    } catch (const error&) {  // of memory, or of an image: whoever needs it will be told
    }
  }
  bool resident() const { return kept != nullptr; }

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
    if (kept) return (*kept)(numbers);
    const shape dims{numbers.size(), 3, data->sides().height, data->sides().width};
    std::vector<float> values(dims.size());
    read(numbers, values);
    return Tensor(dims, values);
  }
};

}  // namespace lift
