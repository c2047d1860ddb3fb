// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <lift/core/error.hpp>
#include <lift/core/shape.hpp>

namespace lift {

/// Images owned elsewhere: planar float values, usually in [-1, 1], laid out (count, channels,
/// height, width).
struct image_batch_view {
  std::span<const float> values;
  std::size_t count, channels, height, width;

  shape extents() const { return {count, channels, height, width}; }

  /// The images first, …, first + number − 1. Throws lift::error where `values` has another length
  /// than the extents say, or the range leaves the batch.
  image_batch_view part(std::size_t first, std::size_t number) const {
    const shape all = extents();
    require(values.size() == all.size(), text("values of an image batch ", all), values.size(),
            all.size());
    require(first <= count && number <= count - first, "end of a part of an image batch",
            first + number, text("at most ", count));
    const auto pixels = all.product(1, 4);
    return {values.subspan(first * pixels, number * pixels), number, channels, height, width};
  }
};

}  // namespace lift
