// SPDX-License-Identifier: MIT
#pragma once

namespace lift {

/// What a convolution adds to its result (B, O, H, W); a null pointer stands for zeros.
template <class T>
struct convolution_addends {
  const T* bias = nullptr;  ///< (O): a number for each channel
  const T* vectors = nullptr;  ///< (B, O): for each channel of each image
  const T* images = nullptr;  ///< (B, O, H, W)
};

}  // namespace lift
