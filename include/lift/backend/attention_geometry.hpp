// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/config.hpp>

namespace lift {

/// The sizes of multi-head attention over the pixels of images: queries, keys and values
/// (B, 3·heads·depth, pixels) → (B, heads·depth, pixels). Heads are numbered through the batch.
struct attention_geometry {
  std::size_t batch, heads, depth, pixels;

  /// Elements of one image's queries, keys, values or results.
  LIFT_HD std::size_t image_size() const { return heads * depth * pixels; }
  /// Where the queries of a head start; its keys and values are one and two image_size() further.
  std::size_t first_query(std::size_t head) const {
    return head / heads * 3 * image_size() + head % heads * depth * pixels;
  }
  /// Where the results of a head start.
  std::size_t first_output(std::size_t head) const { return head * depth * pixels; }
};

}  // namespace lift
