// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>

#include <lift/core/scales.hpp>
#include <lift/core/shape.hpp>

namespace lift {

/// A pyramid makes N scales of an image (B, C, H, W), finest first, each image of the batch by
/// itself, and of the shape of an image their shapes; and of scales the image of the finest size
/// that they make. Where scales_are_images() is there and true, all scales are images, of pixels in [−1, 1].
template <class P, class X, std::size_t N = 2>
concept pyramid =
    requires(const P& p, const X& image, const shape& of_image, const scales<X, N>& parts) {
      { p.template split<N>(image) } -> std::same_as<scales<X, N>>;
      { p.template split<N>(of_image) } -> std::same_as<scales<shape, N>>;
      { p.join(parts) } -> std::same_as<X>;
    };

/// Whether each scale that a pyramid makes is an image.
template <class P>
constexpr bool makes_images(const P& pyramid) {
  if constexpr (requires { { pyramid.scales_are_images() } -> std::convertible_to<bool>; })
    return pyramid.scales_are_images();
  else
    return false;
}

/// True of a pyramid; of anything else it does not compile, and says what is wanted.
template <class P, class X, std::size_t N = 2>
constexpr bool is_pyramid() {
  constexpr bool holds = pyramid<P, X, N>;
  static_assert(holds,
                "a pyramid is to have const member templates split<N>(image) -> lift::scales<X, N> "
                "and join(scales) -> X, X the type of the image, a tensor or its shape");
  return holds;
}

}  // namespace lift
