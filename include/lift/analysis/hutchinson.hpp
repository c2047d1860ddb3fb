// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/analysis/jacobian_products.hpp>
#include <lift/analysis/sample_mean.hpp>
#include <lift/backend/noise.hpp>
#include <lift/core/grid.hpp>

namespace lift {

/// What ‖J u‖² is divided by: the pixels H·W of the output and of the input image (as the
/// reference's code: u = ±√v and vᵀ(J u)², v = 1/(H·W)), of the output alone (as its text), or 1.
enum class jacobian_weight { both_sides, one_side, none };

struct hutchinson_options {
  std::size_t probes = 4;  ///< per image and scale
  jacobian_weight weight = jacobian_weight::both_sides;
  std::size_t batch_size = 8;  ///< images at once; memory grows with batch_size·(2·probes + 1)
  std::uint64_t seed = 42;
  std::uint32_t step = 0;  ///< different steps give independent probes
};

/// The probes of the images first_image, … as stacked tangents: s = (B, C, H, W) → (K·B, C, H, W),
/// ±1 (Rademacher). The first probes of an image do not depend on how many there are.
template <class Tensor>
Tensor stacked_probes(shape s, std::size_t probes, const random_stream& stream,
                      std::uint64_t first_image) {
  const std::size_t batch = s[0], size = s.product(1, s.rank());
  const Tensor by_image = rademacher_noise<Tensor>({batch, probes, size}, stream, first_image);
  s[0] *= probes;
  Tensor u(s);
  for (std::size_t k = 0; k < probes; ++k)
    Tensor::backend_type::copy_rows(batch, size, u.mutable_data() + k * batch * size, size,
                                    by_image.data() + k * size, probes * size);
  return u;
}

/// ‖J u‖² of every block, weighted, for each image (row) and probe (column): all blocks come from
/// one pass with 2K stacked tangents. Its expectation over probes is ‖J‖²_F, weighted alike
/// (Hutchinson 1990).
template <class Tensor, class Denoiser>
  requires(is_denoiser<Denoiser, Tensor>())
jacobian_blocks<grid> hutchinson_samples(const Denoiser& denoise, const scales<Tensor>& x,
                                         const scales<timesteps>& t,
                                         const hutchinson_options& options = {}) {
  const std::size_t images = x.fine.shape()[0], probes = options.probes;
  require(images > 0 && x.coarse.shape()[0] == images, "coarse images", x.coarse.shape()[0],
          text(images, ", at least 1"));
  require(probes > 0, "number of probes", probes, "at least 1");
  require(options.batch_size > 0, "batch size", options.batch_size, "at least 1");

  const auto weight = [&](const Tensor& output, const Tensor& input) {
    const auto pixels = [](const Tensor& image) {
      return static_cast<double>(image.shape().product(2, image.shape().rank()));
    };
    if (options.weight == jacobian_weight::none) return 1.0;
    return 1 / pixels(output) /
           (options.weight == jacobian_weight::both_sides ? pixels(input) : 1.0);
  };
  const auto stream = [&](std::uint32_t scale) {
    return random_stream{options.seed, purpose::probe, scale, options.step};
  };

  const grid none(images, probes);
  jacobian_blocks<grid> samples{none, none, none, none};
  for (std::size_t first = 0; first < images; first += options.batch_size) {
    const std::size_t last = std::min(images, first + options.batch_size), batch = last - first;
    const auto timesteps_of = [&](const timesteps& all) {
      if (all.size() == 1) return all;
      require(all.size() == images, "number of timesteps", all.size(), text("1 or ", images));
      return timesteps(all.begin() + static_cast<std::ptrdiff_t>(first),
                       all.begin() + static_cast<std::ptrdiff_t>(last));
    };
    const scales<Tensor> part{x.fine.rows(first, last), x.coarse.rows(first, last)};
    const auto product = jacobian_products(
        denoise, part, scales<timesteps>{timesteps_of(t.fine), timesteps_of(t.coarse)},
        scales<Tensor>{stacked_probes<Tensor>(part.fine.shape(), probes, stream(0), first),
                       stacked_probes<Tensor>(part.coarse.shape(), probes, stream(1), first)});
    const auto record = [&](grid& to, const Tensor& ju, double w) {
      const auto squares = image_sums(square_functor{}, ju);
      for (std::size_t k = 0; k < probes; ++k)
        for (std::size_t b = 0; b < batch; ++b) to(first + b, k) = w * squares[k * batch + b];
    };
    record(samples.fine_wrt_fine, product.fine_wrt_fine, weight(x.fine, x.fine));
    record(samples.fine_wrt_coarse, product.fine_wrt_coarse, weight(x.fine, x.coarse));
    record(samples.coarse_wrt_fine, product.coarse_wrt_fine, weight(x.coarse, x.fine));
    record(samples.coarse_wrt_coarse, product.coarse_wrt_coarse, weight(x.coarse, x.coarse));
  }
  return samples;
}

/// The mean over images of each image's mean over its probes. The standard error is that over
/// images, which holds the probes' share too; of a single image, that over its probes.
inline sample_mean mean_over_images(const grid& samples) {
  if (samples.rows() == 1) return mean_of(samples.values());
  std::vector<double> means;
  for (std::size_t i = 0; i < samples.rows(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < samples.columns(); ++k) sum += samples(i, k);
    means.push_back(sum / static_cast<double>(samples.columns()));
  }
  return mean_of(means);
}

/// Estimates the weighted ‖J‖²_F of every block at noisy images x, averaged over the batch.
template <class Tensor, class Denoiser>
  requires(is_denoiser<Denoiser, Tensor>())
jacobian_blocks<sample_mean> hutchinson(const Denoiser& denoise, const scales<Tensor>& x,
                                        const scales<timesteps>& t,
                                        const hutchinson_options& options = {}) {
  const auto samples = hutchinson_samples(denoise, x, t, options);
  return {mean_over_images(samples.fine_wrt_fine), mean_over_images(samples.fine_wrt_coarse),
          mean_over_images(samples.coarse_wrt_fine), mean_over_images(samples.coarse_wrt_coarse)};
}

}  // namespace lift
