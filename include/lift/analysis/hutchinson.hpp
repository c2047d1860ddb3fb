// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/analysis/jacobian_products.hpp>
#include <lift/analysis/sample_mean.hpp>
#include <lift/core/grid.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/tensor/noise.hpp>

namespace lift {

/// What ‖J u‖² is divided by: the pixels H·W of the output and of the input image (as the
/// reference's code: u = ±√v and vᵀ(J u)², v = 1/(H·W)), of the output alone (as its text), or 1.
enum class jacobian_weight { both_sides, one_side, none };

struct hutchinson_options {
  std::size_t probes = 4;  ///< per image and scale
  jacobian_weight weight = jacobian_weight::both_sides;
  std::size_t batch_size = 8;  ///< images at once; memory grows with batch_size·(N·probes + 1)
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
/// one pass with N·K stacked tangents. Its expectation over probes is ‖J‖²_F, weighted alike
/// (Hutchinson 1990).
template <class Tensor, std::size_t N, class Denoiser>
  requires(is_denoiser<Denoiser, Tensor, N>())
jacobian_blocks<grid<>, N> hutchinson_samples(const Denoiser& denoise, const scales<Tensor, N>& x,
                                              const scales<timesteps, N>& t,
                                              const hutchinson_options& options = {}) {
  const std::size_t images = x.fine().shape()[0], probes = options.probes;
  for (std::size_t scale = 0; scale < N; ++scale)
    require(images > 0 && x[scale].shape()[0] == images, scale_name(scale, N) + " images",
            x[scale].shape()[0], text(images, ", at least 1"));
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

  jacobian_blocks<grid<>, N> samples;
  for (auto& of_output : samples)
    for (auto& block : of_output) block = grid<>(images, probes);
  for (std::size_t first = 0; first < images; first += options.batch_size) {
    stoppable::check();
    const std::size_t last = std::min(images, first + options.batch_size), batch = last - first;
    const auto part = make_scales<N>([&](std::size_t s) { return x[s].rows(first, last); });
    const auto times = make_scales<N>([&](std::size_t s) {
      if (t[s].size() == 1) return t[s];
      require(t[s].size() == images, "number of timesteps", t[s].size(), text("1 or ", images));
      return timesteps(t[s].begin() + static_cast<std::ptrdiff_t>(first),
                       t[s].begin() + static_cast<std::ptrdiff_t>(last));
    });
    const auto u = make_scales<N>([&](std::size_t s) {
      const random_stream stream{options.seed, purpose::probe, static_cast<std::uint32_t>(s),
                                 options.step};
      return stacked_probes<Tensor>(part[s].shape(), probes, stream, first);
    });
    const auto products = jacobian_products(denoise, part, times, u);
    for (std::size_t output = 0; output < N; ++output)
      for (std::size_t input = 0; input < N; ++input) {
        const double w = weight(x[output], x[input]);
        const auto squares = image_sums(kernel::square{}, products[output][input]);
        for (std::size_t k = 0; k < probes; ++k)
          for (std::size_t b = 0; b < batch; ++b)
            samples[output][input](first + b, k) = w * squares[k * batch + b];
      }
  }
  return samples;
}

/// The mean over images of each image's mean over its probes. The standard error is that over
/// images, which holds the probes' share too; of a single image, that over its probes.
inline sample_mean mean_over_images(const grid<>& samples) {
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
template <class Tensor, std::size_t N, class Denoiser>
  requires(is_denoiser<Denoiser, Tensor, N>())
jacobian_blocks<sample_mean, N> hutchinson(const Denoiser& denoise, const scales<Tensor, N>& x,
                                           const scales<timesteps, N>& t,
                                           const hutchinson_options& options = {}) {
  const auto samples = hutchinson_samples(denoise, x, t, options);
  return make_scales<N>([&](std::size_t output) {
    return make_scales<N>(
        [&](std::size_t input) { return mean_over_images(samples[output][input]); });
  });
}

}  // namespace lift
