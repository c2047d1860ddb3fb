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
template <class Tensor, class Denoiser>
jacobian_blocks<double> exact_squared_norms(const Denoiser& denoise, const scales<Tensor>& x,
                                            const scales<timesteps>& t) {
  const std::size_t passes = 16;
  const std::size_t fine = x.fine.size() / passes, coarse = x.coarse.size() / passes;
  require(fine * passes == x.fine.size() && coarse * passes == x.coarse.size(), "elements",
          x.coarse.size(), "a multiple of 16");
  jacobian_blocks<double> total{};
  for (std::size_t i = 0; i < passes; ++i) {
    const auto column = jacobian_products(
        denoise, x, t,
        scales<Tensor>{unit_tangents<Tensor>(x.fine.shape(), i * fine, fine),
                       unit_tangents<Tensor>(x.coarse.shape(), i * coarse, coarse)});
    total.fine_wrt_fine += squared_norm(column.fine_wrt_fine);
    total.fine_wrt_coarse += squared_norm(column.fine_wrt_coarse);
    total.coarse_wrt_fine += squared_norm(column.coarse_wrt_fine);
    total.coarse_wrt_coarse += squared_norm(column.coarse_wrt_coarse);
  }
  return total;
}

}  // namespace lift::test
