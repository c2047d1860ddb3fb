// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/analysis/heatmap_axis.hpp>
#include <lift/analysis/hutchinson.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/model/estimator.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/schedule/coordinate.hpp>

namespace lift {

/// Which random numbers the points of a heatmap see: the same noise and probes at all of them, so
/// that neighbours differ by the point alone, or fresh ones at each, as the reference.
enum class grid_noise { common, fresh };

/// What the error of a scale is: the denoiser's Jacobian, which says how it changes along a step, or its
/// denoising loss E‖x₀ − x̂₀‖², summed over the elements of an image, which has no factor and no blocks of
/// one scale with respect to another. Steps of stochastic sampling are judged by the losses (path_kl_cost).
enum class heatmap_error { jacobian, loss };

struct error_heatmap_options {
  heatmap_error error = heatmap_error::jacobian;
  std::size_t probes = 4;                  ///< per image and scale, of a Jacobian
  estimate jacobian_of = estimate::noise;  ///< as the reference's code
  any_coordinate coordinate{};             ///< gives a Jacobian's chain-rule factor
  jacobian_weight weight = jacobian_weight::both_sides;
  grid_noise noise = grid_noise::common;
  std::size_t batch_size = 8;  ///< images at once
  std::uint64_t seed = 42;

  static error_heatmap_options reference() { return {.noise = grid_noise::fresh}; }
};

/// Called after each point of a heatmap.
using heatmap_progress = std::function<void(std::size_t done, std::size_t total)>;

/// The cells of a heatmap as they were measured, before the factor, kept so that a measurement that
/// was interrupted can go on; the result is the same as without.
template <std::size_t N = 2>
struct heatmap_cells {
  using blocks = jacobian_blocks<sample_mean, N>;

  std::function<std::optional<blocks>(const cell<N>&)> find;  ///< one that is known
  /// Called with each cell that is measured, once it is known to be finite.
  std::function<void(const cell<N>&, const blocks&)> keep;
};

namespace detail {

/// The denoising loss of each scale at noisy images, averaged over them; other blocks are 0.
template <std::size_t N, class Tensor, class Denoiser>
jacobian_blocks<sample_mean, N> denoising_losses(const Denoiser& denoise,
                                                 const scales<Tensor, N>& clean,
                                                 const scales<Tensor, N>& noisy,
                                                 const scales<timesteps, N>& t,
                                                 std::size_t batch_size) {
  const std::size_t images = clean.fine().shape()[0];
  scales<std::vector<double>, N> losses;
  for (std::size_t first = 0; first < images; first += batch_size) {
    stoppable::check();
    const std::size_t last = std::min(images, first + batch_size);
    const scales<Tensor, N> denoised =
        denoise(make_scales<N>([&](std::size_t s) { return noisy[s].rows(first, last); }), t);
    for (std::size_t s = 0; s < N; ++s)
      for (const double loss :
           image_sums(kernel::squared_difference{}, denoised[s], clean[s].rows(first, last)))
        losses[s].push_back(loss);
  }
  jacobian_blocks<sample_mean, N> result;
  for (std::size_t s = 0; s < N; ++s) result[s][s] = mean_of(losses[s]);
  return result;
}

}  // namespace detail

/// Measures the error heatmap of a denoiser on clean images (B, C, H, W), of which the pyramid makes
/// N scales: in every cell, the weighted ‖J‖²_F of each block times the factor of the input's
/// coordinate at the cell's γ; or the denoising loss of each scale.
///
/// Throws lift::error, naming cell and block, when a result is not finite, and as validate(schedule).
template <std::size_t N = 2, class Tensor, class Denoiser, class Schedule, class Pyramid = copies>
  requires(is_denoiser<Denoiser, Tensor, N>() && is_noise_schedule<Schedule>() &&
           is_pyramid<Pyramid, Tensor, N>())
error_heatmap<N> compute_error_heatmap(const Denoiser& denoise, const Schedule& schedule,
                                       const Tensor& clean, const heatmap_axis& axis,
                                       const error_heatmap_options& options = {},
                                       const heatmap_progress& progress = {},
                                       const heatmap_cells<N>& cells = {},
                                       const Pyramid& pyramid = {}) {
  // Asked here too, of the denoiser itself, for the sake of a short message.
  [[maybe_unused]] constexpr bool exact = has_exact_jacobian<Denoiser, Tensor, N>();
  validate(schedule);
  require(clean.shape().rank() == 4 && clean.size() > 0, "images of a heatmap", clean.shape(),
          "(B, C, H, W)");
  require(options.batch_size > 0, "batch size", options.batch_size, "at least 1");
  const grid<N> zero = grid<N>::cube(axis.gamma.size());
  const bool losses = options.error == heatmap_error::loss;
  const bool tells_errors = clean.shape()[0] * (losses ? 1 : options.probes) > 1;
  error_heatmap<N> heatmap{axis.gamma, axis.timesteps, {}, {}};
  for (std::size_t output = 0; output < N; ++output)
    for (std::size_t input = 0; input < N; ++input) {
      if (losses && output != input) continue;
      heatmap.error[output][input] = zero;
      if (tells_errors) heatmap.standard_error[output][input] = zero;
    }
  validate(heatmap);

  const estimator<const Denoiser&, const Schedule&> output_of{denoise, schedule,
                                                              options.jacobian_of};
  const scales<Tensor, N> images = pyramid.template split<N>(clean);
  for (std::size_t number = 0; number < zero.size(); ++number) {
    stoppable::check();
    const cell<N> at = zero.index_at(number);
    const auto step = static_cast<std::uint32_t>(options.noise == grid_noise::fresh ? number : 0);
    const auto measure = [&] {
      const auto t = make_scales<N>(
          [&](std::size_t s) { return timesteps{static_cast<double>(axis.timesteps[at[s]])}; });
      const auto noisy = make_scales<N>([&](std::size_t s) {
        const random_stream stream{options.seed, purpose::heatmap_noise,
                                   static_cast<std::uint32_t>(s), step};
        return add_noise(alpha_bars(schedule, t[s]), images[s],
                         normal_noise<Tensor>(images[s].shape(), stream, 0));
      });
      if (losses) return detail::denoising_losses(denoise, images, noisy, t, options.batch_size);
      return hutchinson(output_of, noisy, t,
                        {options.probes, options.weight, options.batch_size, options.seed, step});
    };
    const auto known = cells.find ? cells.find(at) : std::nullopt;
    const auto blocks = known ? *known : measure();
    const auto finite = [&](double value, const std::string& block) {
      if (std::isfinite(value)) return value;
      std::string index, times;
      for (const std::size_t i : at) {
        index += (index.empty() ? "" : ", ") + text(i);
        times += (times.empty() ? "" : " and ") + text(axis.timesteps[i]);
      }
      throw error(text("error heatmap, cell (", index, "), timesteps ", times, ", ", block,
                       ": got ", value, ", want a finite number"));
    };
    for (std::size_t apart = 0; apart < N; ++apart)  // the diagonal is named first
      for (std::size_t output = 0; output < N; ++output) {
        const std::size_t input = (output + apart) % N;
        if (losses && apart > 0) continue;
        const std::string name = block_name(output, input, N);
        const double factor = losses ? 1 : options.coordinate.factor(axis.gamma[at[input]]);
        const sample_mean& measured = blocks[output][input];
        heatmap.error[output][input][at] = finite(factor * measured.mean, name);
        if (tells_errors)
          heatmap.standard_error[output][input][at] =
              finite(factor * measured.standard_error, name + ", its standard error");
      }
    if (cells.keep && !known) cells.keep(at, blocks);
    if (progress) progress(number + 1, zero.size());
  }
  return heatmap;
}

}  // namespace lift
