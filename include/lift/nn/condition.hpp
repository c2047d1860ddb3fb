// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lift {

/// Numbers of classes as a network takes them: one for every image of the batch, or one for all;
/// `no_label` where the class is not told.
using class_labels = std::vector<std::int64_t>;
inline constexpr std::int64_t no_label = -1;

/// What a network is told of images beside their timesteps; empty: nothing. As a tensor (B) or (1)
/// the labels may change where the tensors are.
template <class Labels = class_labels>
struct condition {
  Labels labels = {};

  bool empty() const { return labels.empty(); }
};
template <class Labels>
condition(Labels) -> condition<Labels>;

/// Of images first … first + count − 1, image i that of entry i mod their number; none of none.
inline class_labels labels_in_turn(const class_labels& all, std::uint64_t first,
                                   std::size_t count) {
  class_labels result;
  for (std::size_t i = 0; i < count && !all.empty(); ++i)
    result.push_back(all[(first + i) % all.size()]);
  return result;
}

}  // namespace lift
