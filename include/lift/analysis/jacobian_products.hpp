// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <lift/analysis/central_differences.hpp>

namespace lift {

/// One thing for each block of a denoiser's Jacobian: output scale with respect to input scale.
template <class T>
struct jacobian_blocks {
  T fine_wrt_fine, fine_wrt_coarse, coarse_wrt_fine, coarse_wrt_coarse;
};

/// The four products J u of stacked tangents with the Jacobian at x, from one pass: u.fine moves
/// the fine input alone, (K·B, C, H, W), and u.coarse the coarse one; the numbers of tangents may
/// differ. A denoiser that does not take duals is differentiated by central differences.
template <class Tensor, class Denoiser>
  requires(is_denoiser<Denoiser, Tensor>())
jacobian_blocks<Tensor> jacobian_products(const Denoiser& denoise, const scales<Tensor>& x,
                                          const scales<timesteps>& t, const scales<Tensor>& u) {
  if constexpr (!has_exact_jacobian<Denoiser, Tensor>()) {
    return jacobian_products(central_differences<const Denoiser&>{denoise}, x, t, u);
  } else {
    const std::size_t batch = x.fine.shape()[0];
    const std::size_t moved_fine = u.fine.shape()[0], moved_coarse = u.coarse.shape()[0];
    for (const std::size_t rows : {moved_fine, moved_coarse})
      require(rows > 0 && rows % batch == 0, "stacked tangents", rows,
              text("a multiple of ", batch));
    const auto resting = [](shape s, std::size_t rows) {
      s[0] = rows;
      return zeros<Tensor>(s);
    };
    const std::array<Tensor, 2> fine{u.fine, resting(x.fine.shape(), moved_coarse)};
    const std::array<Tensor, 2> coarse{resting(x.coarse.shape(), moved_fine), u.coarse};
    const auto y = denoise(dual_of<Tensor>{x.fine, stacked(std::span<const Tensor>(fine))},
                           dual_of<Tensor>{x.coarse, stacked(std::span<const Tensor>(coarse))},
                           t.fine, t.coarse);
    const std::size_t end = moved_fine + moved_coarse;
    const Tensor dy_fine = y.fine.tangent, dy_coarse = y.coarse.tangent;
    return {dy_fine.rows(0, moved_fine), dy_fine.rows(moved_fine, end),
            dy_coarse.rows(0, moved_fine), dy_coarse.rows(moved_fine, end)};
  }
}

}  // namespace lift
