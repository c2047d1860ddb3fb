// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/config.hpp>

namespace lift {

/// What a convolution adds to its result (B, O, H, W); a null pointer stands for zeros.
template <class T>
struct convolution_epilogue {
  const T* bias = nullptr;  ///< (O): a number for each channel
  const T* vectors = nullptr;  ///< (B, O): for each channel of each image
  const T* images = nullptr;  ///< (B, O, H, W)

  /// A result with what is added to it: channel o of image b, `plane` = b·O + o, and its element.
  LIFT_HD T added_to(T result, std::size_t o, std::size_t plane, std::size_t element) const {
    if (bias) result += bias[o];
    if (vectors) result += vectors[plane];
    if (images) result += images[element];
    return result;
  }
};

}  // namespace lift
