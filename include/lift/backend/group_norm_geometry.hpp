// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace lift {

/// The sizes of group normalisation of images (B, groups·channels, pixels): `channels` are those of
/// one group.
struct group_norm_geometry {
  std::size_t batch, groups, channels, pixels;
};

}  // namespace lift
