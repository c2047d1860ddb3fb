// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/analysis/heatmap_axis.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/exact/gaussian_image.hpp>
#include <lift/model/estimator.hpp>
#include <lift/schedule/coordinate.hpp>

namespace lift {

/// What is known exactly of a Gaussian image at every combination of some SNRs.
template <std::size_t N>
class exact_surfaces {
 public:
  /// On all threads of the pool. Throws lift::error as surface_at.
  exact_surfaces(const gaussian_image<N>& image, heatmap_axis axis)
      : axis_(std::move(axis)), cells_(grid<N>::cube(axis_.gamma.size()).size()) {
    const auto index = grid<N>::cube(axis_.gamma.size());
    default_thread_pool().run(cells_.size(), [&](std::size_t i) {
      const cell<N> at = index.index_at(i);
      cells_[i] =
          surface_at(image, make_scales<N>([&](std::size_t s) { return axis_.gamma[at[s]]; }));
    });
    for (const gaussian_block<N>& block : image.blocks)
      for (std::size_t s = 0; s < N; ++s)
        pixels_[s] +=
            block.count * static_cast<double>(block.views[s].rows()) / image.channels[s];
  }

  /// The denoising losses, of one channel, as compute_error_heatmap measures them.
  error_heatmap<N> losses() const {
    error_heatmap<N> result{axis_.gamma, axis_.timesteps, {}, {}};
    for (std::size_t s = 0; s < N; ++s)
      result.of(s) = table([=](const gaussian_surface<N>& at) { return at.mse[s]; });
    return result;
  }

  /// −∂mse_s/∂γ_t for [s][t].
  jacobian_blocks<grid<N>, N> loss_slopes() const {
    return blocks([](const gaussian_surface<N>& at, std::size_t s, std::size_t t) {
      return at.denoised[s][t];
    });
  }

  /// The error heatmap of the exact denoiser: ‖∂ŷ_s/∂z_t‖²_F over the pixels of both scales, times the
  /// coordinate's factor at γ_t.
  error_heatmap<N> heatmap(estimate jacobian_of = estimate::noise,
                           const any_coordinate& coordinate = {}) const {
    error_heatmap<N> result{axis_.gamma, axis_.timesteps, {}, {}};
    result.error = blocks([=](const gaussian_surface<N>& at, std::size_t s, std::size_t t) {
      return jacobian_of == estimate::noise ? at.noise[s][t] : at.denoised[s][t];
    });
    for (std::size_t s = 0; s < N; ++s)
      for (std::size_t t = 0; t < N; ++t) {
        grid<N>& block = result.error[s][t];
        for (std::size_t i = 0; i < block.size(); ++i) {
          const double gamma = axis_.gamma[block.index_at(i)[t]];
          block.values()[i] *= (1 + gamma) * (jacobian_of == estimate::noise ? 1 : gamma) *
                               coordinate.factor(gamma) / (pixels_[s] * pixels_[t]);
        }
      }
    return result;
  }

 private:
  template <class Value>
  grid<N> table(const Value& value) const {
    auto result = grid<N>::cube(axis_.gamma.size());
    for (std::size_t i = 0; i < cells_.size(); ++i) result.values()[i] = value(cells_[i]);
    return result;
  }
  template <class Value>
  jacobian_blocks<grid<N>, N> blocks(const Value& value) const {
    return make_scales<N>([&](std::size_t s) {
      return make_scales<N>([&](std::size_t t) {
        return table([&](const gaussian_surface<N>& at) { return value(at, s, t); });
      });
    });
  }

  heatmap_axis axis_;
  std::vector<gaussian_surface<N>> cells_;  // as a grid's values
  scales<double, N> pixels_{};
};

}  // namespace lift
