// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/config.hpp>

namespace lift {

/// What becomes of the result (B, O, H, W) of a convolution: what is added to it, where a null pointer
/// stands for zeros, and whether of the sum x is kept max(x, 0), which leaves what is not a number.
template <class T>
struct convolution_epilogue {
  const T* bias = nullptr;  ///< (O): a number for each channel
  const T* vectors = nullptr;  ///< (B, O): for each channel of each image
  const T* images = nullptr;  ///< (B, O, H, W)
  bool rectify = false;

  bool does_something() const { return bias || vectors || images || rectify; }

  /// What becomes of a result: channel o of image b, `plane` = b·O + o, and its element.
  LIFT_HD T added_to(T result, std::size_t o, std::size_t plane, std::size_t element) const {
    if (bias) result += bias[o];
    if (vectors) result += vectors[plane];
    if (images) result += images[element];
    return rectify && result < T(0) ? T(0) : result;
  }
};

/// One of several kernels that an image is convolved with, and its result.
template <class T>
struct convolution_branch {
  std::size_t out_channels;
  const T* weight;
  convolution_epilogue<T> epilogue;
  T* result;
};

}  // namespace lift
