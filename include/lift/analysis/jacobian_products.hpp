// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lift/analysis/central_differences.hpp>
#include <lift/analysis/error_heatmap.hpp>

namespace lift {

/// The products J u of stacked tangents with every block of the Jacobian at x, from one pass:
/// u[scale] (K·B, C, H, W) moves the input of that scale alone; the numbers of tangents may differ.
/// A denoiser that does not take duals is differentiated by central differences.
template <class Tensor, std::size_t N, class Denoiser>
  requires(is_denoiser<Denoiser, Tensor, N>())
jacobian_blocks<Tensor, N> jacobian_products(const Denoiser& denoise, const scales<Tensor, N>& x,
                                             const scales<timesteps, N>& t,
                                             const scales<Tensor, N>& u) {
  if constexpr (!has_exact_jacobian<Denoiser, Tensor, N>()) {
    return jacobian_products(central_differences<const Denoiser&>{denoise}, x, t, u);
  } else {
    const std::size_t batch = x.fine().shape()[0];
    for (const Tensor& tangents : u) {
      const std::size_t rows = tangents.shape()[0];
      require(rows > 0 && rows % batch == 0, "stacked tangents", rows,
              text("a multiple of ", batch));
    }
    const scales<dual_of<Tensor>, N> moved = make_scales<N>([&](std::size_t scale) {
      std::vector<Tensor> parts;  // a scale rests while another moves
      for (std::size_t mover = 0; mover < N; ++mover) {
        shape resting = x[scale].shape();
        resting[0] = u[mover].shape()[0];
        parts.push_back(mover == scale ? u[scale] : zeros<Tensor>(resting));
      }
      return dual_of<Tensor>{x[scale], stacked(std::span<const Tensor>(parts))};
    });
    const scales<dual_of<Tensor>, N> y = denoise(moved, t);
    return make_scales<N>([&](std::size_t output) {
      std::size_t end = 0;
      scales<Tensor, N> products;
      for (std::size_t input = 0; input < N; ++input) {
        const std::size_t first = end;
        end += u[input].shape()[0];
        products[input] = y[output].tangent.rows(first, end);
      }
      return products;
    });
  }
}

}  // namespace lift
