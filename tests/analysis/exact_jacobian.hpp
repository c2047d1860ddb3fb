// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <lift/analysis/jacobian_products.hpp>

namespace lift::test {

/// Unit tangents first, first + step, … of an image (1, C, H, W), the first `count` of them.
template <class Tensor>
Tensor unit_tangents(shape s, std::size_t first, std::size_t count) {
  const std::size_t size = s.size();
  std::vector<typename Tensor::value_type> values(count * size);
  for (std::size_t k = 0; k < count; ++k) values[k * size + first + k] = 1;
  s[0] = count;
  return Tensor(s, values);
}

/// ‖J‖²_F of every block at one image, column by column in 16 passes.
template <class Tensor, std::size_t N, class Denoiser>
jacobian_blocks<double, N> exact_squared_norms(const Denoiser& denoise, const scales<Tensor, N>& x,
                                               const scales<timesteps, N>& t) {
  const std::size_t passes = 16;
  for (const Tensor& image : x)
    require(image.size() % passes == 0, "elements", image.size(), "a multiple of 16");
  jacobian_blocks<double, N> total{};
  for (std::size_t i = 0; i < passes; ++i) {
    const auto columns = jacobian_products(denoise, x, t, make_scales<N>([&](std::size_t scale) {
      const std::size_t count = x[scale].size() / passes;
      return unit_tangents<Tensor>(x[scale].shape(), i * count, count);
    }));
    for (std::size_t output = 0; output < N; ++output)
      for (std::size_t input = 0; input < N; ++input)
        total[output][input] += squared_norm(columns[output][input]);
  }
  return total;
}

}  // namespace lift::test
