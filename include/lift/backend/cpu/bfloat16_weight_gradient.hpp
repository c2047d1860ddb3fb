// SPDX-License-Identifier: MIT
#pragma once

// Adjoints of convolutions in the weight of bfloat16 images with the channels last: 32 channels of
// the result times 32 of the image, some rows of pixels at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/backend/cpu/bfloat16_packing.hpp>
#include <lift/backend/cpu/partial_lanes.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// Sums over the pixels of results times images.
///
/// Pixels are cut into pieces of some rows of some images; sums over 32 of them are a step. The
/// pixels of images alternate, an even number of them so that rows are whole steps: a pair is a
/// pixel of two images, and a tap moves it by whole pairs. Where that cannot be it is one image,
/// with a copy for each column of taps, moved by it, so that the pixels of a tap follow each other
/// as those of the result do. Its rows have an even length then, so that pairs of pixels are the
/// same for every row of taps.
class pixel_weight_sums {
 public:
  explicit pixel_weight_sums(const convolution_geometry& g)
      : t_(taps_of(g)),
        images_(images_together(t_, step_depth, 2)),
        copies_(images_ > 1 ? 1 : t_.reach.width + 1),
        row_((images_ > 1 ? t_.columns() : round_up(t_.columns(), 2)) * images_),
        image_row_(images_ > 1 ? row_ + t_.reach.width * images_ : row_),
        rows_(std::clamp<std::size_t>(chunk / std::max<std::size_t>(row_, 1), 1,
                                      std::max<std::size_t>(t_.rows(), 1))),
        strips_(ceil_div(t_.rows(), rows_)),
        steps_(ceil_div(rows_ * row_, step_depth)),
        pairs_(std::max(t_.reach.height * row_ / 2 + steps_ * tile_side,
                        (rows_ + t_.reach.height) * image_row_ / 2)),
        blocks_(ceil_div(t_.channels, product_side)),
        out_blocks_(ceil_div(t_.out_channels, product_side)),
        pieces_(t_.batch / images_ * strips_),
        at_once_(std::min(pieces_, std::max<std::size_t>(1, chunk / (steps_ * step_depth)))) {}

  /// weight (O, kh, kw, C) = the sums; see convolve_weight of a backend.
  void operator()(const bfloat16* image, const bfloat16* result, bfloat16* weight) const {
    const std::size_t sums = out_blocks_ * block_size();
    const std::size_t chunks = ceil_div(pieces_, at_once_);
    const bool apart = sums * sizeof(float) <= (std::size_t{1} << 20);
    const std::size_t parts = apart ? std::min<std::size_t>(chunks, 16) : 1;
    work_buffer<float> totals(parts * sums);
    if (apart)
      parallel_for(parts, 1, [&](std::size_t part, std::size_t) {
        const std::size_t last = (part + 1) * chunks / parts;
        const scratch<bfloat16_pair> images(at_once_ * image_size());
        const scratch<bfloat16> results(at_once_ * result_size());
        const bfloat16_products_here products;
        for (std::size_t i = part * chunks / parts, first = i; i < last; ++i) {
          const std::size_t begin = i * at_once_, count = std::min(at_once_, pieces_ - begin);
          for (std::size_t piece = 0; piece < count; ++piece) {
            pack_image(image, begin + piece, images + piece * image_size());
            pack_result(result, begin + piece, results + piece * result_size());
          }
          for (std::size_t block = 0; block < out_blocks_; ++block)
            add(products, images, results, count, block, i > first,
                totals.data() + part * sums + block * block_size());
        }
      });
    else {
      work_buffer<bfloat16_pair> images(pieces_ * image_size());
      work_buffer<bfloat16> results(pieces_ * result_size());
      parallel_for(pieces_, 1, [&](std::size_t piece, std::size_t) {
        pack_image(image, piece, images.data() + piece * image_size());
        pack_result(result, piece, results.data() + piece * result_size());
      });
      parallel_for(out_blocks_, 1, [&](std::size_t block, std::size_t) {
        const bfloat16_products_here products;
        for (std::size_t i = 0; i < pieces_; i += at_once_)
          add(products, images.data() + i * image_size(), results.data() + i * result_size(),
              std::min(at_once_, pieces_ - i), block, i > 0, totals.data() + block * block_size());
      });
    }
    parallel_for(out_blocks_ * taps(), 1, [&](std::size_t i, std::size_t) {
      store(totals.data(), parts, sums, i / taps(), i % taps(), weight);
    });
  }

 private:
  /// Pixels whose factors stay in the caches near a core.
  static constexpr std::size_t chunk = 1024;
  static constexpr std::size_t matrix = product_side * product_side, tile = tile_side * tile_side;

  std::size_t taps() const { return t_.taps[0].size(); }
  /// Sums of 32 channels of the result with all of the image.
  std::size_t block_size() const { return blocks_ * taps() * matrix; }
  /// Pairs of a piece of an image, and numbers of one of a result.
  std::size_t image_size() const { return place_of(t_.in_phases.area(), 0, 0); }
  std::size_t result_size() const { return 2 * out_blocks_ * steps_ * 2 * tile; }
  /// Where 16 channels of a phase's copy start in a piece of an image.
  std::size_t place_of(std::size_t phase, std::size_t copy, std::size_t group) const {
    return ((phase * copies_ + copy) * 2 * blocks_ + group) * pairs_ * tile_side;
  }

  /// The pixels of a piece of images in pairs, of each 16 channels after each other, zeros outside
  /// of them and behind.
  void pack_image(const bfloat16* image, std::size_t piece, bfloat16_pair* to) const {
    const std::size_t first = piece % strips_ * rows_, across = t_.in_phases.width,
                      columns = images_ > 1 ? image_row_ / images_ : t_.columns();
    image += piece / strips_ * images_ * t_.channels * t_.height * t_.width;
    for (std::size_t p = 0; p < t_.in_phases.height; ++p)
      for (std::size_t q = 0; q < across; ++q) {
        const line_span span(t_, q);
        for (std::size_t copy = 0; copy < copies_; ++copy) {
          bfloat16_pair* const plane = to + place_of(p * across + q, copy, 0);
          for (std::size_t row = 0; row < rows_ + t_.reach.height; ++row) {
            const std::size_t y = (first + row) * t_.in_phases.height + p -
                                  t_.origin.height;  // wraps around above the image
            // Columns that are pixels of the image.
            const std::size_t begin = std::max(span.first, copy) - copy,
                              end = y < t_.height
                                        ? std::min(std::max(span.last, copy) - copy, columns)
                                        : 0;
            const auto pixel = [&](std::size_t at) -> const bfloat16* {
              const std::size_t column = at / images_;
              if (column < begin || column >= end) return nullptr;
              const std::size_t x = span.offset + (column + copy - span.first) * span.stride;
              return image + ((at % images_ * t_.height + y) * t_.width + x) * t_.channels;
            };
            for (std::size_t at = 0; at < image_row_; at += 2)
              pack_pairs(pixel(at), pixel(at + 1), t_.channels, 2 * blocks_,
                         plane + (row * image_row_ + at) / 2 * tile_side, pairs_ * tile_side);
          }
          const std::size_t end = (rows_ + t_.reach.height) * image_row_ / 2;
          for (std::size_t group = 0; group < 2 * blocks_; ++group)
            std::fill_n(plane + (group * pairs_ + end) * tile_side, (pairs_ - end) * tile_side,
                        bfloat16_pair{0});
        }
      }
  }

  /// The results of a piece in tiles of 16 channels × 32 pixels, zeros outside.
  void pack_result(const bfloat16* result, std::size_t piece, bfloat16* to) const {
    const std::size_t first = piece % strips_ * rows_, rows = std::min(rows_, t_.rows() - first),
                      groups = 2 * out_blocks_;
    result += (piece / strips_ * images_ * t_.out_area() + first * t_.out_width) * t_.out_channels;
    std::size_t row = 0, at = 0;
    const auto next_pixel = [&]() -> const bfloat16* {
      const std::size_t column = at / images_;
      const bfloat16* const pixel =
          row < rows && column < t_.columns()
              ? result +
                    (at % images_ * t_.out_area() + row * t_.out_width + column) * t_.out_channels
              : nullptr;
      if (++at == row_) {
        at = 0;
        ++row;
      }
      return pixel;
    };
    const scratch<bfloat16_pair> pairs(groups * tile);
    for (std::size_t step = 0; step < steps_; ++step) {
      for (std::size_t i = 0; i < tile_side; ++i) {
        const bfloat16 *const first_pixel = next_pixel(), *const second_pixel = next_pixel();
        pack_pairs(first_pixel, second_pixel, t_.out_channels, groups, pairs + i * tile_side, tile);
      }
      for (std::size_t group = 0; group < groups; ++group)
        transpose_pairs(reinterpret_cast<const bfloat16*>(pairs + group * tile), step_depth,
                        reinterpret_cast<bfloat16_pair*>(to + (group * steps_ + step) * 2 * tile));
    }
  }

  /// The pairs of two pixels' channels, 16 at a time `pitch` apart; absent numbers are zeros.
  static void pack_pairs(const bfloat16* first, const bfloat16* second, std::size_t channels,
                         std::size_t groups, bfloat16_pair* to, std::size_t pitch) {
    for (std::size_t group = 0; group < groups; ++group, to += pitch)
      pair_channels(first, second, channels, group * tile_side, to);
  }

  /// Adds the products of `count` pieces for 32 channels of the result.
  void add(const bfloat16_products_here& products, const bfloat16_pair* images,
           const bfloat16* results, std::size_t count, std::size_t out_block, bool more,
           float* sums) const {
    std::vector<std::uint32_t> left, right;
    for (std::size_t piece = 0; piece < count; ++piece)
      for (std::size_t step = 0; step < steps_; ++step) {
        left.push_back(static_cast<std::uint32_t>(piece * result_size() + step * 2 * tile));
        const std::size_t at = step * step_depth;
        right.push_back(static_cast<std::uint32_t>(
            piece * image_size() + (at / row_ * image_row_ + at % row_) / 2 * tile_side));
      }
    const bfloat16* const outs = results + 4 * out_block * steps_ * tile;
    for (std::size_t block = 0; block < blocks_; ++block)
      for (std::size_t i = 0; i < taps(); ++i) {
        const tap& x = t_.taps[0][i];
        const std::size_t copy = images_ > 1 ? 0 : x.column,
                          moved = images_ > 1 ? x.column * images_ : 0;
        const bfloat16_pair* const pixels = images + place_of(x.phase, copy, 2 * block) +
                                            (x.row * image_row_ + moved) / 2 * tile_side;
        products.multiply({.left = {outs, outs + 2 * steps_ * tile},
                           .left_pitch = step_depth,
                           .right = {pixels, pixels + pairs_ * tile_side},
                           .right_pitch = tile_side,
                           .steps = left.size(),
                           .left_steps = left.data(),
                           .right_steps = right.data()},
                          sums + (i * blocks_ + block) * matrix, product_side, more);
      }
  }

  /// Adds up the parts of the sums of 32 channels of the result in their order, for one tap.
  void store(const float* sums, std::size_t parts, std::size_t part_size, std::size_t out_block,
             std::size_t tap, bfloat16* weight) const {
    sums += out_block * block_size() + tap * blocks_ * matrix;
    const std::size_t outs = std::min(product_side, t_.out_channels - out_block * product_side);
    for (std::size_t out = 0; out < outs; ++out)
      for (std::size_t block = 0; block < blocks_; ++block) {
        const std::size_t channels = std::min(product_side, t_.channels - block * product_side);
        const float* const row = sums + block * matrix + out * product_side;
        bfloat16* const to = weight +
                             ((out_block * product_side + out) * taps() + tap) * t_.channels +
                             block * product_side;
        for_each_lanes<float>(channels, [&](std::size_t c, auto n) {
          auto total = load_lanes(row + c);
          for (std::size_t part = 1; part < parts; ++part)
            total += load_lanes(row + part * part_size + c);
          store_lanes(total, to + c, n);
        });
      }
  }

  tap_geometry t_;
  std::size_t images_, copies_;
  std::size_t row_, image_row_;  // pixels of a row of results and of images, of all together
  std::size_t rows_, strips_, steps_, pairs_, blocks_, out_blocks_, pieces_, at_once_;
};

/// weight = the adjoint of the convolution in the weight, (O, kh, kw, C).
inline void bfloat16_weight_gradient(const convolution_geometry& g, const bfloat16* image,
                                     const bfloat16* result, bfloat16* weight) {
  if (g.batch * g.result_size() == 0)
    std::fill_n(weight, g.out_channels * g.patch(), bfloat16(0.0f));
  else
    pixel_weight_sums{g}(image, result, weight);
}

}  // namespace lift::detail
