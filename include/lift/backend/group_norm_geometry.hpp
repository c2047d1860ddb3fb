// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace lift {

/// The sizes of group normalisation: images (batch, groups·channels, pixels), each group of so many
/// channels.
struct group_norm_geometry {
  std::size_t batch, groups, channels, pixels;

  /// Elements of one group of one image.
  std::size_t group_size() const { return channels * pixels; }
  std::size_t all_channels() const { return groups * channels; }
};

}  // namespace lift
