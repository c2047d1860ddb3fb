// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace lift {

/// The sizes of group normalisation of images (B, groups·channels, pixels): `channels` are those of
/// one group.
struct group_norm_geometry {
  std::size_t batch, groups, channels, pixels;
};

/// What is normalised, with numbers that are stored as T: images x (B, C, ...), channels last, to which
/// numbers are added first, and the parameters γ and β (C).
template <class T>
struct group_norm_input {
  const T *x, *gamma, *beta;
  const T* vectors = nullptr;  ///< (B, C), added to each channel of each image; null: nothing is
  const T* bias = nullptr;     ///< (C), added to each channel; null: nothing is
};

}  // namespace lift
