// SPDX-License-Identifier: MIT
#pragma once

// Adjoints of convolutions in the weight with factors rounded to bfloat16: 32 channels of the image
// times 32 of the result, some rows of pixels at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/backend/cpu/bfloat16_packing.hpp>
#include <lift/backend/cpu/bfloat16_taps.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// Sums over the pixels of images times results.
///
/// Pixels are cut into pieces of some rows of an image; sums over 32 of them are a step. Of the
/// image there is a copy for each column of taps, moved by it, so that the pixels of a tap follow
/// each other as those of the result do.
class bfloat16_weight_sums {
 public:
  explicit bfloat16_weight_sums(const convolution_geometry& g)
      : t_(taps_of(g)),
        rows_(std::clamp<std::size_t>(chunk / std::max<std::size_t>(t_.columns(), 1), 1,
                                      std::max<std::size_t>(t_.rows(), 1))),
        strips_(ceil_div(t_.rows(), rows_)),
        steps_(ceil_div(rows_ * t_.columns(), step_depth)),
        copies_(t_.reach.width + 1),
        plane_((ceil_div(t_.reach.height * t_.columns() + steps_ * step_depth, step_depth) | 1) *
               step_depth),
        blocks_(ceil_div(t_.channels, product_side)),
        out_blocks_(ceil_div(t_.out_channels, product_side)),
        pieces_(t_.batch * strips_),
        at_once_(std::min(pieces_, std::max<std::size_t>(1, chunk / (steps_ * step_depth)))) {}

  /// weight = the sums; see convolve_weight of a backend.
  void operator()(const float* image, const float* result, float* weight) const {
    const std::size_t sums = blocks_ * block_size();
    const std::size_t chunks = ceil_div(pieces_, at_once_);
    const bool apart = sums * sizeof(float) <= (std::size_t{1} << 20);
    const std::size_t parts = apart ? std::min<std::size_t>(chunks, 16) : 1;
    work_buffer<float> totals(parts * sums);
    if (apart)
      parallel_for(parts, 1, [&](std::size_t part, std::size_t) {
        const std::size_t last = (part + 1) * chunks / parts;
        const scratch<bfloat16> images(at_once_ * image_size());
        const scratch<bfloat16_pair> results(at_once_ * result_size());
        const bfloat16_products_here products;
        for (std::size_t i = part * chunks / parts, first = i; i < last; ++i) {
          const std::size_t begin = i * at_once_, count = std::min(at_once_, pieces_ - begin);
          for (std::size_t piece = 0; piece < count; ++piece) {
            pack_image(image, begin + piece, images + piece * image_size());
            pack_result(result, begin + piece, results + piece * result_size());
          }
          for (std::size_t block = 0; block < blocks_; ++block)
            add(products, images, results, count, block, i > first,
                totals.data() + part * sums + block * block_size());
        }
      });
    else {
      work_buffer<bfloat16> images(pieces_ * image_size());
      work_buffer<bfloat16_pair> results(pieces_ * result_size());
      parallel_for(pieces_, 1, [&](std::size_t piece, std::size_t) {
        pack_image(image, piece, images.data() + piece * image_size());
        pack_result(result, piece, results.data() + piece * result_size());
      });
      parallel_for(blocks_, 1, [&](std::size_t block, std::size_t) {
        const bfloat16_products_here products;
        for (std::size_t i = 0; i < pieces_; i += at_once_)
          add(products, images.data() + i * image_size(), results.data() + i * result_size(),
              std::min(at_once_, pieces_ - i), block, i > 0, totals.data() + block * block_size());
      });
    }
    parallel_for(blocks_ * out_blocks_, 1, [&](std::size_t i, std::size_t) {
      store(totals.data(), parts, sums, i / out_blocks_, i % out_blocks_, weight);
    });
  }

 private:
  /// Pixels whose factors stay in the caches near a core.
  static constexpr std::size_t chunk = 512;
  static constexpr std::size_t matrix = product_side * product_side;

  std::size_t taps() const { return t_.taps[0].size(); }
  /// Sums of 32 channels of the image with all of the result.
  std::size_t block_size() const { return out_blocks_ * taps() * matrix; }
  /// Numbers of a piece of an image, and pairs of one of a result. A channel's numbers, plane_,
  /// reach to the end of the last tap's last step, and are an odd number of steps, so that those of
  /// several channels lie in different sets of a cache.
  std::size_t image_size() const { return place_of(t_.in_phases.area(), 0, 0); }
  std::size_t result_size() const { return 2 * out_blocks_ * steps_ * tile; }
  static constexpr std::size_t tile = tile_side * tile_side;
  /// Where a channel of a phase's copy starts in a piece of an image.
  std::size_t place_of(std::size_t phase, std::size_t copy, std::size_t channel) const {
    return ((phase * copies_ + copy) * blocks_ * product_side + channel) * plane_;
  }

  /// The pixels of a piece of an image, each channel's after each other, zeros outside of it and
  /// behind.
  void pack_image(const float* image, std::size_t piece, bfloat16* to) const {
    const std::size_t first = piece % strips_ * rows_, columns = t_.columns(),
                      across = t_.in_phases.width;
    image += piece / strips_ * t_.channels * t_.height * t_.width;
    const std::size_t width = columns + t_.reach.width;
    const scratch<float> line(width + tile_side);
    for (std::size_t channel = 0; channel < blocks_ * product_side; ++channel)
      for (std::size_t p = 0; p < t_.in_phases.height; ++p)
        for (std::size_t q = 0; q < across; ++q) {
          const auto plane = [&](std::size_t copy) {
            return to + place_of(p * across + q, copy, channel);
          };
          for (std::size_t row = 0; row < rows_ + t_.reach.height; ++row) {
            const bool inside = take_line(image, channel, first + row, p, q, line);
            for (std::size_t copy = 0; copy < copies_; ++copy)
              if (inside)
                round_numbers(columns, line + copy, plane(copy) + row * columns);
              else
                std::fill_n(plane(copy) + row * columns, columns, bfloat16(0.0f));
          }
          const std::size_t end = (rows_ + t_.reach.height) * columns;
          for (std::size_t copy = 0; copy < copies_; ++copy)
            std::fill_n(plane(copy) + end, plane_ - end, bfloat16(0.0f));
        }
  }

  /// The pixels of a row of a phase of a channel; false, and nothing, for one outside the image.
  bool take_line(const float* image, std::size_t channel, std::size_t row, std::size_t p,
                 std::size_t q, float* line) const {
    const std::size_t y =
        row * t_.in_phases.height + p - t_.origin.height;  // wraps around above the image
    if (channel >= t_.channels || y >= t_.height) return false;
    const line_span span(t_, q);
    const float* const source = image + (channel * t_.height + y) * t_.width;
    std::fill_n(line, span.first, 0.0f);
    span.take(source, line + span.first);
    std::fill(line + span.last, line + t_.columns() + t_.reach.width, 0.0f);
    return true;
  }

  /// The results of a piece in tiles of 16 pairs of pixels × 16 channels, zeros outside.
  void pack_result(const float* result, std::size_t piece, bfloat16_pair* to) const {
    const std::size_t first = piece % strips_ * rows_ * t_.columns();
    const std::size_t count = std::min(rows_ * t_.columns(), t_.out_area() - first);
    result += piece / strips_ * t_.out_channels * t_.out_area() + first;
    for (std::size_t group = 0; group < 2 * out_blocks_; ++group)
      for (std::size_t step = 0; step < steps_; ++step) {
        alignas(64) bfloat16 rows[tile_side * step_depth];
        const std::size_t at = step * step_depth,
                          pixels = at < count ? std::min(step_depth, count - at) : 0;
        for (std::size_t i = 0; i < tile_side; ++i) {
          const std::size_t channel = group * tile_side + i;
          const std::size_t present = channel < t_.out_channels ? pixels : 0;
          if (present)
            round_numbers(present, result + channel * t_.out_area() + at, rows + i * step_depth);
          std::fill(rows + i * step_depth + present, rows + (i + 1) * step_depth, bfloat16(0.0f));
        }
        // Pairs are only moved, as numbers of their size.
        transpose_matrix(tile_side, tile_side, reinterpret_cast<const float*>(rows), tile_side,
                         reinterpret_cast<float*>(to + (group * steps_ + step) * tile), tile_side);
      }
  }

  /// Adds the products of `count` pieces for 32 channels of the image.
  void add(const bfloat16_products_here& products, const bfloat16* images,
           const bfloat16_pair* results, std::size_t count, std::size_t block, bool more,
           float* sums) const {
    std::vector<std::uint32_t> left, right;
    for (std::size_t piece = 0; piece < count; ++piece)
      for (std::size_t step = 0; step < steps_; ++step) {
        left.push_back(static_cast<std::uint32_t>(piece * image_size() + step * step_depth));
        right.push_back(static_cast<std::uint32_t>(piece * result_size() + step * tile));
      }
    for (std::size_t out = 0; out < out_blocks_; ++out)
      for (std::size_t i = 0; i < taps(); ++i) {
        const tap& x = t_.taps[0][i];
        const bfloat16* const channels =
            images + place_of(x.phase, x.column, block * product_side) + x.row * t_.columns();
        const bfloat16_pair* const outs = results + 2 * out * steps_ * tile;
        products.multiply({.left = {channels, channels + tile_side * plane_},
                           .left_pitch = plane_,
                           .right = {outs, outs + steps_ * tile},
                           .right_pitch = tile_side,
                           .steps = left.size(),
                           .left_steps = left.data(),
                           .right_steps = right.data()},
                          sums + (out * taps() + i) * matrix, product_side, more);
      }
  }

  /// Adds up the parts of 32 × 32 channels' sums in their order.
  void store(const float* sums, std::size_t parts, std::size_t part_size, std::size_t block,
             std::size_t out_block, float* weight) const {
    sums += block * block_size() + out_block * taps() * matrix;
    const std::size_t channels = std::min(product_side, t_.channels - block * product_side);
    const std::size_t outs = std::min(product_side, t_.out_channels - out_block * product_side);
    alignas(64) float total[matrix];
    for (std::size_t i = 0; i < taps(); ++i) {
      for (std::size_t j = 0; j < matrix; ++j) {
        float sum = sums[i * matrix + j];
        for (std::size_t part = 1; part < parts; ++part)
          sum += sums[part * part_size + i * matrix + j];
        total[j] = sum;
      }
      for (std::size_t out = 0; out < outs; ++out) {
        float* const to =
            weight +
            ((out_block * product_side + out) * t_.channels + block * product_side) * taps() + i;
        for (std::size_t c = 0; c < channels; ++c) to[c * taps()] = total[c * product_side + out];
      }
    }
  }

  tap_geometry t_;
  std::size_t rows_, strips_, steps_, copies_, plane_, blocks_, out_blocks_, pieces_, at_once_;
};

/// weight = the adjoint of the convolution in the weight.
inline void bfloat16_weight_gradient(const convolution_geometry& g, const float* image,
                                     const float* result, float* weight) {
  if (g.batch * g.result_size() == 0)
    std::fill_n(weight, g.out_channels * g.patch(), 0.0f);
  else
    bfloat16_weight_sums{g}(image, result, weight);
}

}  // namespace lift::detail
