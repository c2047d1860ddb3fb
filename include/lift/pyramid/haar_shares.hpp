// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/pyramid/transposed_split.hpp>

namespace lift {

/// How much of each of Haar's N bands the scales of a linear pyramid hold. Band j < N − 1 is the images
/// whose squares of 2ʲ pixels are even and whose squares of 2ʲ⁺¹ have the mean 0, and band N − 1 those
/// whose squares of 2ᴺ⁻¹ are even: H_sᵀH_s·e = h·e, h = [s][j], for every image e of band j. Of copies
/// that is 4⁻ˢ where j ≥ s, else 0, and of orthonormal parts 1 where j = s, else 0.
///
/// Throws lift::error where a scale mixes the bands, or has some of a band that is finer than its own or
/// none of that.
template <std::size_t N, class Backend, class Pyramid>
scales<scales<double, N>, N> haar_shares(const Pyramid& pyramid) {
  using image_tensor = tensor<Backend, double>;
  // An image of each band: a square, and beside it its negative.
  const std::size_t side = std::size_t{1} << N, pixels = side * side;
  std::vector<double> bands(N * pixels);
  for (std::size_t j = 0; j < N; ++j)
    for (std::size_t i = 0; i < pixels; ++i) {
      const std::size_t row = i / side >> j, column = i % side >> j;
      if (row == 0 && column < (j + 1 < N ? 2 : 1)) bands[j * pixels + i] = column == 0 ? 1 : -1;
    }
  const auto parts = pyramid.template split<N>(image_tensor({N, 1, side, side}, bands));
  scales<scales<double, N>, N> shares{};
  for (std::size_t s = 0; s < N; ++s) {
    const std::vector<double> held =
        transposed_split(pyramid, make_scales<N>([&](std::size_t other) {
                           return scaled(parts[other], other == s ? 1 : 0);
                         }))
            .to_host();
    for (std::size_t j = 0; j < N; ++j) {
      const double h = shares[s][j] = held[j * pixels];  // of a pixel that is 1
      double off = j < s ? std::abs(h) : j == s && !(h > 1e-6) ? 1 : 0;
      for (std::size_t i = j * pixels; i < (j + 1) * pixels; ++i)
        off = std::max(off, std::abs(held[i] - h * bands[i]));
      require(off < 1e-9, text("pyramid: scale ", s), "one that mixes Haar's bands",
              "copies, orthonormal parts or the like");
    }
  }
  return shares;
}

}  // namespace lift
