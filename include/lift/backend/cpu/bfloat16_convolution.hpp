// SPDX-License-Identifier: MIT
#pragma once

// Convolutions and their adjoints in the image with factors rounded to bfloat16: each kernel's
// numbers times pixels where they lie (bfloat16_taps.hpp), 32 channels of a result times 32 of its
// pixels at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cpu/bfloat16_strip.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// The kernels of 32 channels of a result as left factors of products: for each output phase, for
/// 32 channels of the input after each other, for each tap.
class kernel_panels {
 public:
  /// Weights are (out_channels, channels, area), or with the first two axes exchanged if
  /// `exchanged`.
  kernel_panels(const tap_geometry& t, std::size_t area, bool exchanged)
      : t_(t),
        area_(area),
        exchanged_(exchanged),
        blocks_(ceil_div(t.channels, step_depth)),
        unzip_(exchanged || transposes() ? 0 : area),
        places_(area) {
    for (const auto& taps : t.taps) {
      phases_.push_back(size_);
      for (std::size_t i = 0; i < taps.size(); ++i)
        places_[taps[i].weight] = {size_ + i * step, taps.size() * step};
      size_ += blocks_ * taps.size() * step;
    }
    for (std::size_t i = 0; i < size_; i += step) steps_.push_back(static_cast<std::uint32_t>(i));
  }

  /// Numbers of the panels of 32 channels.
  std::size_t size() const { return size_; }
  /// Where those of an output phase start.
  std::size_t phase(std::size_t i) const { return phases_[i]; }
  /// Where each step starts in an output phase.
  const std::uint32_t* steps() const { return steps_.data(); }

  /// Packs the kernels of channels [first, first + 32) of the result.
  void pack(const float* weight, std::size_t first, bfloat16* to) const {
    const std::size_t count = std::min(product_side, t_.out_channels - first);
    if (count < product_side || t_.channels % step_depth > 0)
      std::fill_n(to, size_, bfloat16(0.0f));
    if (exchanged_)
      pack_exchanged(weight, first, count, to);
    else
      for (std::size_t out = 0; out < count; ++out) {
        const float* const kernels = weight + (first + out) * t_.channels * area_;
        for (std::size_t block = 0; block < blocks_; ++block)
          pack_row(kernels, block, to + out * step_depth);
      }
  }

 private:
  /// Where a number of a kernel is kept for the first 32 channels, and how far further for the
  /// next.
  struct place {
    std::size_t first, block;
  };
  static constexpr std::size_t step = product_side * step_depth;

  /// Whether kernels are blocks that are transposed as they are.
  bool transposes() const { return area_ % lanes<float> == 0; }

  /// The kernels of one channel of the result and 32 of the input.
  void pack_row(const float* kernels, std::size_t block, bfloat16* to) const {
    const std::size_t channel = block * step_depth,
                      count = std::min(step_depth, t_.channels - channel);
    kernels += channel * area_;
    if (area_ == 1)
      return round_numbers(count, kernels, to + places_[0].first + block * places_[0].block);
    const scratch<float> padded(count < step_depth ? step_depth * area_ : 0);
    if (count < step_depth) {
      std::copy_n(kernels, count * area_, padded.data());
      std::fill(padded + count * area_, padded + step_depth * area_, 0.0f);
      kernels = padded;
    }
    if (transposes())
      for (std::size_t half = 0; half < step_depth; half += tile_side)
        for_each_column(kernels + half * area_, area_, tile_side, area_,
                        kernels + step_depth * area_,
                        [&](std::size_t number, std::size_t row, const xsimd::batch<float>& x) {
                          const place& at = places_[number];
                          round_lanes(x, to + at.first + block * at.block + half + row);
                        });
    else
      unzip_(kernels, [&](std::size_t number) {
        return to + places_[number].first + block * places_[number].block;
      });
  }

  /// The kernels of `count` channels of the result where the weights of an input's channel follow
  /// each other.
  void pack_exchanged(const float* weight, std::size_t first, std::size_t count,
                      bfloat16* to) const {
    const float* const end = weight + t_.out_channels * t_.channels * area_;
    for (std::size_t channel = 0; channel < t_.channels; channel += tile_side)
      for_each_column(weight + (channel * t_.out_channels + first) * area_, t_.out_channels * area_,
                      std::min(tile_side, t_.channels - channel), count * area_, end,
                      [&](std::size_t column, std::size_t row, const xsimd::batch<float>& x) {
                        const place& at = places_[column % area_];
                        round_lanes(x, to + at.first + channel / step_depth * at.block +
                                           column / area_ * step_depth + channel % step_depth +
                                           row);
                      });
  }

  const tap_geometry& t_;
  std::size_t area_;
  bool exchanged_;
  std::size_t blocks_, size_ = 0;
  unzipper unzip_;
  std::vector<place> places_;
  std::vector<std::size_t> phases_;
  std::vector<std::uint32_t> steps_;
};

/// Sums over taps of batches of images.
class bfloat16_convolver {
 public:
  bfloat16_convolver(const tap_geometry& t, std::size_t area, bool exchanged)
      : t_(t), panels_(t_, area, exchanged), out_blocks_(ceil_div(t.out_channels, product_side)) {}

  bfloat16_convolver(const bfloat16_convolver&) = delete;  // panels_ refers to t_
  bfloat16_convolver& operator=(const bfloat16_convolver&) = delete;

  void operator()(const float* image, const float* weight,
                  const convolution_epilogue<float>& epilogue, float* out) const {
    if (t_.batch * t_.out_channels * t_.out_area() == 0) return;
    const strip_layout whole(t_, t_.rows());
    const std::size_t images = t_.batch * whole.size() * sizeof(bfloat16_pair);
    if (images < out_blocks_ * panels_.size() * sizeof(bfloat16))
      by_channels(whole, image, weight, epilogue, out);
    else
      by_strips(image, weight, epilogue, out);
  }

 private:
  /// Rows of strips that stay in a core's second-level cache, and are enough of them for several
  /// cores.
  std::size_t strip_rows() const {
    constexpr std::size_t bytes = std::size_t{256} << 10, least_strips = 8, least_rows = 4;
    const std::size_t row =
        strip_layout(t_, t_.rows()).size() * sizeof(bfloat16_pair) / (t_.rows() + t_.reach.height);
    const std::size_t most = std::max<std::size_t>(1, bytes / std::max<std::size_t>(row, 1));
    const std::size_t wanted = std::max(least_rows, t_.batch * t_.rows() / least_strips);
    return ceil_div(t_.rows(), ceil_div(t_.rows(), std::min(most, wanted)));
  }

  /// The kernels are packed once; each task packs a strip and takes it through all of them.
  void by_strips(const float* image, const float* weight,
                 const convolution_epilogue<float>& epilogue, float* out) const {
    work_buffer<bfloat16> kernels(out_blocks_ * panels_.size() + 1);  // there may be none
    parallel_for(out_blocks_, 1, [&](std::size_t i, std::size_t) {
      panels_.pack(weight, i * product_side, kernels.data() + i * panels_.size());
    });
    const std::size_t rows = strip_rows(), strips = ceil_div(t_.rows(), rows);
    parallel_for(t_.batch * strips, 1, [&](std::size_t i, std::size_t) {
      const std::size_t b = i / strips, first = i % strips * rows;
      const strip_layout strip(t_, std::min(rows, t_.rows() - first));
      const scratch<bfloat16_pair> packed(strip.size() + strip_layout::overread);
      strip.pack(image + b * t_.channels * t_.height * t_.width, first, packed);
      const auto steps = steps_of(strip);
      const bfloat16_products_here products;
      for (std::size_t block = 0; block < out_blocks_; ++block)
        multiply(products, kernels.data() + block * panels_.size(), packed, strip, steps,
                 {b, 1, first, block, steps_at_once}, epilogue, out);
    });
  }

  /// The images are packed once; each task packs 32 channels' kernels and takes all images through
  /// them.
  void by_channels(const strip_layout& whole, const float* image, const float* weight,
                   const convolution_epilogue<float>& epilogue, float* out) const {
    work_buffer<bfloat16_pair> packed(t_.batch * whole.size() + strip_layout::overread);
    parallel_for(t_.batch, 1, [&](std::size_t b, std::size_t) {
      whole.pack(image + b * t_.channels * t_.height * t_.width, 0,
                 packed.data() + b * whole.size());
    });
    const auto steps = steps_of(whole);
    const std::size_t at_once = ceil_div(positions_at_once, round_up(whole.positions(), tile_side));
    parallel_for(out_blocks_, 1, [&](std::size_t block, std::size_t) {
      const scratch<bfloat16> kernels(panels_.size() + 1);
      panels_.pack(weight, block * product_side, kernels);
      const bfloat16_products_here products;
      for (std::size_t b = 0; b < t_.batch; b += at_once)
        multiply(products, kernels, packed.data() + b * whole.size(), whole, steps,
                 {b, std::min(at_once, t_.batch - b), 0, block, no_limit}, epilogue, out);
    });
  }

  std::vector<std::vector<std::uint32_t>> steps_of(const strip_layout& strip) const {
    std::vector<std::vector<std::uint32_t>> steps;
    for (const auto& taps : t_.taps) steps.push_back(strip.steps(taps));
    return steps;
  }

  /// What is computed at once: from row `row` on of some images, 32 channels of the result, for all
  /// of them some steps, whose left factor then stays in a core's first-level cache, before the
  /// next.
  struct part {
    std::size_t image, images, row, block, steps;
  };
  static constexpr std::size_t steps_at_once = 12, positions_at_once = 512;
  static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

  /// The sums of a part from its packed strips, one for each image, to the output.
  void multiply(const bfloat16_products_here& products, const bfloat16* kernels,
                const bfloat16_pair* packed, const strip_layout& strip,
                const std::vector<std::vector<std::uint32_t>>& steps, const part& at,
                const convolution_epilogue<float>& epilogue, float* out) const {
    const std::size_t first = at.block * product_side,
                      channels = std::min(product_side, t_.out_channels - first);
    const std::size_t across = t_.out_phases.width, tiles = ceil_div(strip.positions(), tile_side);
    // Rows of sums that do not all lie in the same sets of a cache.
    const std::size_t pitch = (at.images * tiles + 1) * tile_side, matrix = product_side * pitch;
    const auto right = [&](std::size_t tile) {
      return tile < at.images * tiles
                 ? packed + tile / tiles * strip.size() + strip.place(tile % tiles * tile_side)
                 : nullptr;
    };
    const scratch<float> sums(across * matrix);
    for (std::size_t p = 0; p < t_.out_phases.height; ++p) {
      for (std::size_t q = 0; q < across; ++q) {
        const std::size_t phase = p * across + q;
        const bfloat16* const left = kernels + panels_.phase(phase);
        const std::size_t all = steps[phase].size(),
                          some = std::clamp<std::size_t>(all, 1, at.steps);
        for (std::size_t step = 0; step == 0 || step < all; step += some)
          for (std::size_t tile = 0; tile < at.images * tiles; tile += 2)
            products.multiply(
                {.left = {left, channels > tile_side ? left + tile_side * step_depth : nullptr},
                 .left_pitch = step_depth,
                 .right = {right(tile), right(tile + 1)},
                 .right_pitch = strip.plane(),
                 .steps = std::min(some, all - step),
                 .left_steps = panels_.steps() + step,
                 .right_steps = steps[phase].data() + step},
                sums + q * matrix + tile * tile_side, pitch, step > 0);
      }
      for (std::size_t i = 0; i < at.images; ++i)
        for (std::size_t c = 0; c < channels; ++c)
          store(sums + c * pitch + i * tiles * tile_side, matrix, strip.positions(), p, at.row,
                at.image + i, first + c, epilogue, out);
    }
  }

  /// Stores a channel's sums from a row on, those of each output phase along a row `matrix` behind
  /// the last.
  void store(const float* sums, std::size_t matrix, std::size_t count, std::size_t p,
             std::size_t row, std::size_t image, std::size_t channel,
             const convolution_epilogue<float>& epilogue, float* out) const {
    const std::size_t across = t_.out_phases.width, plane = image * t_.out_channels + channel;
    float bias = epilogue.bias ? epilogue.bias[channel] : 0.0f;
    if (epilogue.vectors) bias += epilogue.vectors[plane];
    if (t_.out_phases == extent2d(1))
      return finish(count, sums, bias, epilogue, plane * t_.out_area() + row * t_.out_width, out);
    const std::size_t columns = t_.columns();
    const scratch<float> line(columns * across);
    for (std::size_t i = 0; i < count; i += columns, ++row) {
      const std::size_t y = row * t_.out_phases.height + p;
      if (y >= t_.out_height) return;
      if (across == 2)  // a loop of its own, of which compilers make vectors
        for (std::size_t x = 0; x < columns; ++x) {
          line[2 * x] = sums[i + x];
          line[2 * x + 1] = sums[matrix + i + x];
        }
      else
        for (std::size_t x = 0; x < columns * across; ++x)
          line[x] = sums[x % across * matrix + i + x / across];
      finish(t_.out_width, line, bias, epilogue, plane * t_.out_area() + y * t_.out_width, out);
    }
  }

  /// out[at + i] = sums[i] + bias and what else is added.
  static void finish(std::size_t n, const float* sums, float bias,
                     const convolution_epilogue<float>& epilogue, std::size_t at, float* out) {
    using batch = xsimd::batch<float>;
    std::size_t i = 0;
    for (; i + batch::size <= n; i += batch::size) {
      batch x = batch::load_unaligned(sums + i) + batch(bias);
      if (epilogue.images) x += batch::load_unaligned(epilogue.images + at + i);
      if (epilogue.rectify) x = xsimd::select(x < batch(0.0f), batch(0.0f), x);
      x.store_unaligned(out + at + i);
    }
    const convolution_epilogue<float> rest{.images = epilogue.images, .rectify = epilogue.rectify};
    for (; i < n; ++i) out[at + i] = rest.added_to(sums[i] + bias, 0, 0, at + i);
  }

  tap_geometry t_;
  kernel_panels panels_;
  std::size_t out_blocks_;
};

/// result = image * weight, with what the epilogue adds.
inline void bfloat16_convolve(const convolution_geometry& g, const float* image,
                              const float* weight, const convolution_epilogue<float>& epilogue,
                              float* result) {
  bfloat16_convolver(taps_of(g), g.kernel.area(), false)(image, weight, epilogue, result);
}

/// image = the adjoint of the convolution of results, with a bias.
inline void bfloat16_convolve_transpose(const convolution_geometry& g, const float* result,
                                        const float* weight, const float* bias, float* image) {
  bfloat16_convolver(adjoint_taps_of(g), g.kernel.area(), true)(result, weight, {.bias = bias},
                                                                image);
}

}  // namespace lift::detail
