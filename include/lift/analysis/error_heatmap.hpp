// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include <lift/analysis/heatmap.hpp>
#include <lift/analysis/heatmap_axis.hpp>
#include <lift/analysis/hutchinson.hpp>
#include <lift/model/estimator.hpp>
#include <lift/schedule/coordinate.hpp>

namespace lift {

/// Which random numbers the points of a heatmap see: the same noise and probes at all of them, so
/// that neighbours differ by the point alone, or fresh ones at each, as the reference.
enum class grid_noise { common, fresh };

struct error_heatmap_options {
  std::size_t probes = 4;                  ///< per image and scale
  estimate jacobian_of = estimate::noise;  ///< as the reference's code
  any_coordinate coordinate{};             ///< gives the chain-rule factor
  jacobian_weight weight = jacobian_weight::both_sides;
  grid_noise noise = grid_noise::common;
  std::size_t batch_size = 8;  ///< images at once
  std::uint64_t seed = 42;

  static error_heatmap_options reference() { return {.noise = grid_noise::fresh}; }
};

/// Called after each point of a heatmap.
using heatmap_progress = std::function<void(std::size_t done, std::size_t total)>;

/// The cells (i, j) of a heatmap as they were measured, before the factor, kept so that a
/// measurement that was interrupted can go on; the result is the same as without.
struct heatmap_cells {
  using blocks = jacobian_blocks<sample_mean>;

  std::function<std::optional<blocks>(std::size_t i, std::size_t j)> find;  ///< one that is known
  /// Called with each cell that is measured, once it is known to be finite.
  std::function<void(std::size_t i, std::size_t j, const blocks& cell)> keep;
};

/// Measures the error heatmap of a denoiser that predicts `Prediction` on clean fine images
/// (B, C, H, W), whose 2×2 means are the coarse ones: in every cell, the weighted ‖J‖²_F of each
/// block times the factor of the input's coordinate at the cell's γ.
///
/// Throws lift::error, naming cell and block, when a result is not finite, and as validate(schedule).
template <class Prediction = predicts_noise, class Tensor, class Denoiser, class Schedule>
  requires(is_prediction<Prediction>() && is_denoiser<Denoiser, Tensor>() &&
           is_noise_schedule<Schedule>())
error_heatmap compute_error_heatmap(const Denoiser& denoise, const Schedule& schedule,
                                    const Tensor& clean, const heatmap_axis& axis,
                                    const error_heatmap_options& options = {},
                                    const heatmap_progress& progress = {},
                                    const heatmap_cells& cells = {}) {
  // Asked here too, of the denoiser itself, for the sake of a short message.
  [[maybe_unused]] constexpr bool exact = has_exact_jacobian<Denoiser, Tensor>();
  validate(schedule);
  const std::size_t n = axis.gamma.size();
  const grid zero(n, n);
  error_heatmap heatmap{axis.gamma, axis.timesteps, zero, zero, zero, zero, {}, {}, {}, {}};
  validate(heatmap);
  require(clean.shape().rank() == 4 && clean.size() > 0, "images of a heatmap", clean.shape(),
          "(B, C, H, W)");
  if (clean.shape()[0] * options.probes > 1)
    heatmap.fine_error = heatmap.coarse_error = heatmap.fine_wrt_coarse_error =
        heatmap.coarse_wrt_fine_error = zero;

  const estimator<const Denoiser&, const Schedule&, Prediction> output{denoise, schedule,
                                                                       options.jacobian_of};
  const Tensor clean_coarse = coarsen(clean);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const auto step =
          static_cast<std::uint32_t>(options.noise == grid_noise::fresh ? i * n + j : 0);
      const scales<timesteps> t{{static_cast<double>(axis.timesteps[i])},
                                {static_cast<double>(axis.timesteps[j])}};
      const auto noisy = [&](const Tensor& image, const timesteps& at, std::uint32_t scale) {
        const random_stream stream{options.seed, purpose::heatmap_noise, scale, step};
        return add_noise(alpha_bars(schedule, at), image,
                         normal_noise<Tensor>(image.shape(), stream, 0));
      };
      const auto known = cells.find ? cells.find(i, j) : std::nullopt;
      const auto blocks =
          known ? *known
                : hutchinson(
                      output,
                      scales<Tensor>{noisy(clean, t.fine, 0), noisy(clean_coarse, t.coarse, 1)}, t,
                      {options.probes, options.weight, options.batch_size, options.seed, step});
      const auto record = [&](const char* block, grid& value, grid& error_of,
                              const sample_mean& measured, double gamma_of_input) {
        const double factor = options.coordinate.factor(gamma_of_input);
        const auto take = [&](grid& to, double number, const char* which) {
          to(i, j) = factor * number;
          if (!std::isfinite(to(i, j)))
            throw error(text("error heatmap, cell (", i, ", ", j, "), timesteps ",
                             axis.timesteps[i], " and ", axis.timesteps[j], ", ", block, which,
                             ": got ", to(i, j), ", want a finite number"));
        };
        take(value, measured.mean, "");
        if (!error_of.empty()) take(error_of, measured.standard_error, ", its standard error");
      };
      const double fine = axis.gamma[i], coarse = axis.gamma[j];
      record("fine", heatmap.fine, heatmap.fine_error, blocks.fine_wrt_fine, fine);
      record("coarse", heatmap.coarse, heatmap.coarse_error, blocks.coarse_wrt_coarse, coarse);
      record("fine_wrt_coarse", heatmap.fine_wrt_coarse, heatmap.fine_wrt_coarse_error,
             blocks.fine_wrt_coarse, coarse);
      record("coarse_wrt_fine", heatmap.coarse_wrt_fine, heatmap.coarse_wrt_fine_error,
             blocks.coarse_wrt_fine, fine);
      if (cells.keep && !known) cells.keep(i, j, blocks);
      if (progress) progress(i * n + j + 1, n * n);
    }
  return heatmap;
}

}  // namespace lift
