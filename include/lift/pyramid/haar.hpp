// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/ad/apply.hpp>
#include <lift/core/scales.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/haar.hpp>
#include <lift/op/inverse_haar.hpp>
#include <lift/op/slice.hpp>
#include <lift/pyramid/pyramid.hpp>

namespace lift {

/// The scales of an image (B, C, H, W) as orthonormal parts of it, so that each tells only what the
/// others do not: scale s < N − 1 is the Haar details of a halving, (B, 3C, H/2ˢ⁺¹, W/2ˢ⁺¹), and the
/// coarsest the means over squares of 2ᴺ⁻¹ pixels times their side, (B, C, H/2ᴺ⁻¹, W/2ᴺ⁻¹). Unit noise
/// of all parts is unit noise of the image, so that at equal noise levels this is diffusion of the image.
struct haar {
  static constexpr const char* name = "haar";

  template <std::size_t N, value X>
  scales<X, N> split(const X& image) const {
    scales<X, N> result;
    X rest = image;
    for (std::size_t s = 0; s + 1 < N; ++s) {
      const std::size_t c = shape_of(rest)[1];
      const X parts = apply(op::haar{}, rest);
      result[s] = apply(op::slice(c, 3 * c), parts);
      rest = apply(op::slice(0, c), parts);
    }
    result.coarse() = rest;
    return result;
  }
  template <value X, std::size_t N>
  X join(const scales<X, N>& parts) const {
    X image = parts.coarse();
    for (std::size_t s = N - 1; s-- > 0;)
      image = apply(op::inverse_haar{}, apply(op::concat{}, image, parts[s]));
    return image;
  }
};

static_assert(pyramid<haar, shape>);

}  // namespace lift
