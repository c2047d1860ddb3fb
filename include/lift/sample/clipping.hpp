// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/core/scales.hpp>
#include <lift/pyramid/pyramid.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// What is done with an x̂₀ that leaves [−1, 1], where images are.
enum class clipping {
  none,
  fixed,  ///< its pixels are kept within
  /// Dynamic thresholding (Saharia et al. 2022): pixels are kept within ±s and divided by s, what 99.5 % of
  /// an image's pixels do not exceed in magnitude, at least 1.
  dynamic
};

namespace kernel {
/// Keeps x within [−1, 1].
struct clip {
  template <class T>
  LIFT_HD T operator()(T x) const {
    using std::fmax, std::fmin;
    return fmin(fmax(x, T(-1)), T(1));
  }
  /// Of x over a bound.
  template <class T>
  LIFT_HD T operator()(T x, T bound) const {
    return (*this)(x / bound);
  }
};
}  // namespace kernel

namespace detail {

/// For each image the magnitude that 99.5 % of its pixels do not exceed, at least 1. Waits for the backend.
template <class Tensor>
Tensor bounds_of_pixels(const Tensor& images) {
  using T = typename Tensor::value_type;
  auto values = images.to_host();
  const std::size_t count = images.shape()[0], size = values.size() / count;
  std::vector<T> bounds;
  for (std::size_t i = 0; i < count; ++i) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(i * size);
    const auto last = first + static_cast<std::ptrdiff_t>(size);
    std::for_each(first, last, [](auto& x) { x = std::abs(x); });
    const auto most = first + static_cast<std::ptrdiff_t>(0.995 * static_cast<double>(size - 1));
    std::nth_element(first, most, last);
    bounds.push_back(static_cast<T>(std::max(*most, decltype(*most + 0)(1))));
  }
  return Tensor(shape{count}, bounds);
}

template <class Tensor>
Tensor clipped_images(const Tensor& images, clipping how) {
  if (how == clipping::fixed) return mapped<Tensor>(images.shape(), kernel::clip{}, each(images));
  const Tensor bounds = bounds_of_pixels(images);
  return mapped<Tensor>(images.shape(), kernel::clip{}, each(images),
                        spread(bounds, images.size() / bounds.size()));
}

}  // namespace detail

/// Scales x̂₀ that a pyramid made, clipped: each where all are images, or else the image that they make.
template <class Tensor, std::size_t N, class Pyramid>
scales<Tensor, N> clipped(const scales<Tensor, N>& x, clipping how, const Pyramid& pyramid) {
  if (how == clipping::none) return x;
  if (makes_images(pyramid))
    return make_scales<N>([&](std::size_t s) { return detail::clipped_images(x[s], how); });
  return pyramid.template split<N>(detail::clipped_images(pyramid.join(x), how));
}

}  // namespace lift
