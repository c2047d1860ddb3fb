// SPDX-License-Identifier: MIT
#pragma once

// Convolutions and their adjoints in the image with factors rounded to bfloat16: each kernel's numbers times pixels
// where they lie (bfloat16_taps.hpp), 32 channels of a result times 32 of its pixels at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cpu/bfloat16_strip.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// The kernels of 32 channels of a result as left factors of products: for each output phase, for 32 channels of the
/// input after each other, for each tap.
class kernel_panels {
 public:
  /// Weights are (out_channels, channels, area), or with the first two axes exchanged if `exchanged`.
  kernel_panels(const tap_geometry& t, std::size_t area, bool exchanged)
      : t_(t), area_(area), exchanged_(exchanged), blocks_(ceil_div(t.channels, step_depth)), places_(area) {
    for (const auto& taps : t.taps) {
      phases_.push_back(size_);
      for (std::size_t i = 0; i < taps.size(); ++i) places_[taps[i].weight].push_back({size_ + i * step, taps.size() * step});
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
    if (count < product_side || t_.channels % step_depth > 0) std::fill_n(to, size_, bfloat16(0.0f));
    const float* const end = weight + t_.out_channels * t_.channels * area_;
    for (std::size_t channel = 0; channel < t_.channels; channel += tile_side) {
      const std::size_t channels = std::min(tile_side, t_.channels - channel);
      const auto give = [&](std::size_t out, std::size_t number, std::size_t row, const xsimd::batch<float>& x) {
        for (const place& at : places_[number])
          round_lanes(x, to + at.first + channel / step_depth * at.block + out * step_depth + channel % step_depth + row);
      };
      if (exchanged_)
        for_each_column(weight + (channel * t_.out_channels + first) * area_, t_.out_channels * area_, channels,
                        count * area_, end, [&](std::size_t column, std::size_t row, const auto& x) {
                          give(column / area_, column % area_, row, x);
                        });
      else
        for (std::size_t out = 0; out < count; ++out)
          for_each_column(weight + ((first + out) * t_.channels + channel) * area_, area_, channels, area_, end,
                          [&](std::size_t column, std::size_t row, const auto& x) { give(out, column, row, x); });
    }
  }

 private:
  /// Where a number of a kernel is kept for the first 32 channels, and how far further for the next.
  struct place {
    std::size_t first, block;
  };
  static constexpr std::size_t step = product_side * step_depth;

  const tap_geometry& t_;
  std::size_t area_;
  bool exchanged_;
  std::size_t blocks_, size_ = 0;
  std::vector<std::vector<place>> places_;
  std::vector<std::size_t> phases_;
  std::vector<std::uint32_t> steps_;
};

/// Sums over taps of batches of images.
class bfloat16_convolver {
 public:
  bfloat16_convolver(const tap_geometry& t, std::size_t area, bool exchanged)
      : t_(t), panels_(t_, area, exchanged), out_blocks_(ceil_div(t.out_channels, product_side)) {}

  void operator()(const float* image, const float* weight, const convolution_epilogue<float>& epilogue,
                  float* out) const {
    if (t_.batch * t_.out_channels * t_.out_area() == 0) return;
    const strip_layout whole(t_, t_.rows());
    const std::size_t images = t_.batch * whole.size() * sizeof(bfloat16_pair);
    if (images < out_blocks_ * panels_.size() * sizeof(bfloat16))
      by_channels(whole, image, weight, epilogue, out);
    else
      by_strips(image, weight, epilogue, out);
  }

 private:
  /// Rows of strips that stay in a core's second-level cache.
  std::size_t strip_rows() const {
    constexpr std::size_t bytes = std::size_t{256} << 10;
    const std::size_t row = strip_layout(t_, t_.rows()).size() * sizeof(bfloat16_pair) / (t_.rows() + t_.reach.height);
    const std::size_t most = std::max<std::size_t>(1, bytes / std::max<std::size_t>(row, 1));
    return ceil_div(t_.rows(), ceil_div(t_.rows(), most));
  }

  /// The kernels are packed once; each task packs a strip and takes it through all of them.
  void by_strips(const float* image, const float* weight, const convolution_epilogue<float>& epilogue,
                 float* out) const {
    work_buffer<bfloat16> kernels(out_blocks_ * panels_.size());
    parallel_for(out_blocks_, 1, [&](std::size_t i, std::size_t) {
      panels_.pack(weight, i * product_side, kernels.data() + i * panels_.size());
    });
    const std::size_t rows = strip_rows(), strips = ceil_div(t_.rows(), rows);
    parallel_for(t_.batch * strips, 1, [&](std::size_t i, std::size_t) {
      const std::size_t b = i / strips, first = i % strips * rows;
      const strip_layout strip(t_, std::min(rows, t_.rows() - first));
      const scratch<bfloat16_pair> packed(strip.size() + strip_layout::overread);
      strip.pack(image + b * t_.channels * t_.height * t_.width, first, packed);
      const auto tiles = tiles_of(strip, b, first, 0);
      const auto steps = steps_of(strip);
      const bfloat16_products_here products;
      for (std::size_t at = 0; at < tiles.size(); at += 2)
        for (std::size_t block = 0; block < out_blocks_; ++block)
          multiply(products, kernels.data() + block * panels_.size(), packed, steps, strip.plane(), tiles, at, block,
                   epilogue, out);
    });
  }

  /// The images are packed once; each task packs 32 channels' kernels and takes all images through them.
  void by_channels(const strip_layout& whole, const float* image, const float* weight,
                   const convolution_epilogue<float>& epilogue, float* out) const {
    work_buffer<bfloat16_pair> packed(t_.batch * whole.size() + strip_layout::overread);
    parallel_for(t_.batch, 1, [&](std::size_t b, std::size_t) {
      whole.pack(image + b * t_.channels * t_.height * t_.width, 0, packed.data() + b * whole.size());
    });
    std::vector<tile> tiles;
    for (std::size_t b = 0; b < t_.batch; ++b) {
      const auto more = tiles_of(whole, b, 0, b * whole.size());
      tiles.insert(tiles.end(), more.begin(), more.end());
    }
    const auto steps = steps_of(whole);
    parallel_for(out_blocks_, 1, [&](std::size_t block, std::size_t) {
      const scratch<bfloat16> kernels(panels_.size());
      panels_.pack(weight, block * product_side, kernels);
      const bfloat16_products_here products;
      for (std::size_t i = 0; i < tiles.size(); i += 2)
        multiply(products, kernels, packed.data(), steps, whole.plane(), tiles, i, block, epilogue, out);
    });
  }

  /// 16 neighbouring sums of an image, or fewer: where their right factor starts, and the first one's row and column
  /// in an output phase.
  struct tile {
    std::size_t right, image, row, column, count;
  };
  std::vector<tile> tiles_of(const strip_layout& strip, std::size_t b, std::size_t first, std::size_t from) const {
    std::vector<tile> tiles;
    for (std::size_t i = 0; i < strip.positions(); i += tile_side)
      tiles.push_back({from + strip.place(i), b, first + i / t_.columns(), i % t_.columns(),
                       std::min(tile_side, strip.positions() - i)});
    return tiles;
  }
  std::vector<std::vector<std::uint32_t>> steps_of(const strip_layout& strip) const {
    std::vector<std::vector<std::uint32_t>> steps;
    for (const auto& taps : t_.taps) steps.push_back(strip.steps(taps));
    return steps;
  }

  /// Two tiles' sums of 32 channels, all output phases.
  void multiply(const bfloat16_products_here& products, const bfloat16* kernels, const bfloat16_pair* packed,
                const std::vector<std::vector<std::uint32_t>>& steps, std::size_t plane, const std::vector<tile>& tiles,
                std::size_t first, std::size_t block, const convolution_epilogue<float>& epilogue, float* out) const {
    const std::size_t channel = block * product_side, across = t_.out_phases.width;
    const std::size_t channels = std::min(product_side, t_.out_channels - channel);
    const tile* const pair[2] = {&tiles[first], first + 1 < tiles.size() ? &tiles[first + 1] : nullptr};
    constexpr std::size_t matrix = product_side * product_side;
    const scratch<float> sums(across * matrix);
    for (std::size_t p = 0; p < t_.out_phases.height; ++p) {
      for (std::size_t q = 0; q < across; ++q) {
        const std::size_t phase = p * across + q;
        const bfloat16* const left = kernels + panels_.phase(phase);
        products.multiply({.left = {left, channels > tile_side ? left + tile_side * step_depth : nullptr},
                           .left_pitch = step_depth,
                           .right = {packed + pair[0]->right, pair[1] ? packed + pair[1]->right : nullptr},
                           .right_pitch = plane,
                           .steps = steps[phase].size(),
                           .left_steps = panels_.steps(),
                           .right_steps = steps[phase].data()},
                          sums + q * matrix, product_side);
      }
      for (std::size_t i = 0; i < channels; ++i)
        for (std::size_t j = 0; j < 2 && pair[j]; ++j)
          store(*pair[j], p, channel + i, sums + i * product_side + j * tile_side, epilogue, out);
    }
  }

  /// Stores a tile's sums of a channel in the rows of the output that an output phase is part of.
  void store(const tile& at, std::size_t p, std::size_t channel, const float* sums,
             const convolution_epilogue<float>& epilogue, float* out) const {
    const std::size_t across = t_.out_phases.width, plane = at.image * t_.out_channels + channel;
    float bias = epilogue.bias ? epilogue.bias[channel] : 0.0f;
    if (epilogue.vectors) bias += epilogue.vectors[plane];
    if (t_.out_phases == extent2d(1)) {
      const std::size_t to = plane * t_.out_area() + at.row * t_.out_width + at.column;
      return finish(at.count, sums, bias, epilogue, to, out);
    }
    alignas(64) float line[tile_side * most_phases];
    for (std::size_t i = 0, row = at.row, column = at.column; i < at.count; ++row, column = 0) {
      const std::size_t count = std::min(at.count - i, t_.columns() - column);
      for (std::size_t q = 0; q < across; ++q)
        for (std::size_t j = 0; j < count; ++j) line[j * across + q] = sums[q * product_side * product_side + i + j];
      const std::size_t y = row * t_.out_phases.height + p, x = column * across;
      if (y < t_.out_height)
        finish(std::min(count * across, t_.out_width - x), line, bias, epilogue,
               plane * t_.out_area() + y * t_.out_width + x, out);
      i += count;
    }
  }

  /// out[at + i] = sums[i] + bias and what else is added.
  static void finish(std::size_t n, const float* sums, float bias, const convolution_epilogue<float>& epilogue,
                     std::size_t at, float* out) {
    using batch = xsimd::batch<float>;
    std::size_t i = 0;
    for (; i + batch::size <= n; i += batch::size) {
      batch x = batch::load_unaligned(sums + i) + batch(bias);
      if (epilogue.images) x += batch::load_unaligned(epilogue.images + at + i);
      if (epilogue.rectify) x = xsimd::select(x < batch(0.0f), batch(0.0f), x);
      x.store_unaligned(out + at + i);
    }
    for (; i < n; ++i) {
      float x = sums[i] + bias;
      if (epilogue.images) x += epilogue.images[at + i];
      out[at + i] = epilogue.rectify && x < 0.0f ? 0.0f : x;
    }
  }

 public:
  /// Output phases along a row at most: larger strides are not for this.
  static constexpr std::size_t most_phases = 4;

 private:
  tap_geometry t_;
  kernel_panels panels_;
  std::size_t out_blocks_;
};

/// result = image * weight, with what the epilogue adds.
inline void bfloat16_convolve(const convolution_geometry& g, const float* image, const float* weight,
                              const convolution_epilogue<float>& epilogue, float* result) {
  bfloat16_convolver(taps_of(g), g.kernel.area(), false)(image, weight, epilogue, result);
}

/// Whether the adjoint in the image is one of bfloat16_convolve_transpose.
inline bool bfloat16_transposes(const convolution_geometry& g) {
  return g.stride.width <= bfloat16_convolver::most_phases;
}

/// image = the adjoint of the convolution of results, with a bias.
inline void bfloat16_convolve_transpose(const convolution_geometry& g, const float* result, const float* weight,
                                        const float* bias, float* image) {
  bfloat16_convolver(adjoint_taps_of(g), g.kernel.area(), true)(result, weight, {.bias = bias}, image);
}

}  // namespace lift::detail
