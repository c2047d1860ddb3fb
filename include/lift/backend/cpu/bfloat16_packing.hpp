// SPDX-License-Identifier: MIT
#pragma once

// The factors of a convolution of images with the channels last as bfloat16_product.hpp takes them:
// pixels are the rows of left factors, as they lie, and kernels are packed as right ones.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include <lift/backend/cpu/bfloat16_product.hpp>
#include <lift/backend/cpu/bfloat16_taps.hpp>
#include <lift/backend/cpu/block_transpose.hpp>
#include <lift/backend/cpu/work_space.hpp>

namespace lift::detail {

/// How many images' pixels alternate so that a row of them is a multiple of `side`: `least` or
/// more, but 1 where such rows would be long or the batch has no whole multiple of such images.
inline std::size_t images_together(const tap_geometry& t, std::size_t side, std::size_t least) {
  constexpr std::size_t longest = 512;
  const std::size_t images = std::max(least, side / std::gcd(side, t.columns()));
  return t.batch % images == 0 && images * t.columns() <= longest ? images : 1;
}

/// Some rows of an image, or of several images whose pixels alternate, with the pixels around them
/// that taps reach: for every 32 channels the pixels follow each other, each phase of them by
/// itself.
///
/// Rows whose length is a multiple of a tile's side are stored once; of others there is a copy for
/// each column of taps, moved by it, so that rows follow each other without gaps and a tile goes
/// over several.
class pixel_strip {
 public:
  pixel_strip(const tap_geometry& t, std::size_t rows)
      : t_(t),
        images_(images(t)),
        rows_(rows),
        copies_(row_length() % tile_side == 0 ? 1 : t.reach.width + 1),
        columns_(copies_ == 1 ? t.columns() + t.reach.width : t.columns()),
        blocks_(ceil_div(t.channels, step_depth)),
        plane_((rows + t.reach.height) * columns_ * images_ * step_depth) {}

  /// How many images a strip has.
  static std::size_t images(const tap_geometry& t) { return images_together(t, tile_side, 1); }
  /// Numbers of a strip, and how many more may be read behind it.
  std::size_t size() const { return t_.in_phases.area() * copies_ * blocks_ * plane_; }
  static constexpr std::size_t overread = tile_side * step_depth;
  /// Sums of a row: of every column, one image's after the other's.
  std::size_t row_length() const { return t_.columns() * images_; }
  /// Sums, counted along rows; tiles of 16 begin at multiples of 16.
  std::size_t positions() const { return rows_ * row_length(); }
  /// Where the left factor of the tile at `position` starts.
  std::size_t place(std::size_t position) const {
    return (position / row_length() * columns_ * images_ + position % row_length()) * step_depth;
  }
  /// Where the steps start: 32 channels after each other, and for them each tap of an output phase.
  std::vector<std::uint32_t> steps(const std::vector<tap>& taps) const {
    std::vector<std::uint32_t> starts;
    for (std::size_t block = 0; block < blocks_; ++block)
      for (const tap& x : taps) {
        const std::size_t copy = copies_ == 1 ? 0 : x.column, moved = copies_ == 1 ? x.column : 0;
        starts.push_back(static_cast<std::uint32_t>(
            place_of(x.phase, copy, block) + (x.row * columns_ + moved) * images_ * step_depth));
      }
    return starts;
  }

  /// Packs rows [first, first + rows) of images (H, W, C) that follow each other.
  void pack(const bfloat16* image, std::size_t first, bfloat16* to) const {
    for (std::size_t i = 0; i < images_; ++i, image += t_.height * t_.width * t_.channels)
      for (std::size_t p = 0; p < t_.in_phases.height; ++p)
        for (std::size_t row = 0; row < rows_ + t_.reach.height; ++row) {
          const std::size_t y = (first + row) * t_.in_phases.height + p -
                                t_.origin.height;  // wraps around above the image
          for (std::size_t q = 0; q < t_.in_phases.width; ++q)
            for (std::size_t copy = 0; copy < copies_; ++copy)
              pack_line(y < t_.height ? image + y * t_.width * t_.channels : nullptr, q, copy,
                        to + place_of(p * t_.in_phases.width + q, copy, 0) +
                            (row * columns_ * images_ + i) * step_depth);
        }
  }

 private:
  /// Where 32 channels of a phase's copy start.
  std::size_t place_of(std::size_t phase, std::size_t copy, std::size_t block) const {
    return ((phase * copies_ + copy) * blocks_ + block) * plane_;
  }

  /// The pixels of a row of a phase of one image, zeros outside it; `row` is null above and below.
  void pack_line(const bfloat16* row, std::size_t q, std::size_t copy, bfloat16* to) const {
    const line_span span(t_, q);
    const std::size_t first = row ? std::clamp(span.first, copy, copy + columns_) - copy : columns_;
    const std::size_t last = row ? std::clamp(span.last, copy, copy + columns_) - copy : columns_;
    const auto pixel = [&](std::size_t i, std::size_t block) {
      return to + block * plane_ + i * images_ * step_depth;
    };
    for (std::size_t block = 0; block < blocks_; ++block) {
      for (std::size_t i = 0; i < first; ++i) std::memset(pixel(i, block), 0, pixel_bytes);
      for (std::size_t i = last; i < columns_; ++i) std::memset(pixel(i, block), 0, pixel_bytes);
    }
    const std::size_t rest = t_.channels % step_depth, whole = blocks_ - (rest > 0);
    for (std::size_t i = first; i < last; ++i) {
      const bfloat16* const from =
          row + (span.offset + (i + copy - span.first) * span.stride) * t_.channels;
      for (std::size_t block = 0; block < whole; ++block)
        std::memcpy(pixel(i, block), from + block * step_depth, pixel_bytes);
      if (rest > 0) {
        std::memset(pixel(i, whole), 0, pixel_bytes);
        std::memcpy(pixel(i, whole), from + whole * step_depth, rest * sizeof(bfloat16));
      }
    }
  }

  static constexpr std::size_t pixel_bytes = step_depth * sizeof(bfloat16);

  const tap_geometry& t_;
  std::size_t images_, rows_, copies_, columns_, blocks_, plane_;
};

/// to (16 pairs, 16) = the transpose of 16 rows of 16 pairs, which are moved as floats.
inline void transpose_pairs(const bfloat16* from, std::size_t pitch, bfloat16_pair* to) {
  constexpr std::size_t n = lanes<float>;
  for (std::size_t row = 0; row < tile_side; row += n)
    for (std::size_t column = 0; column < tile_side; column += n) {
      block<float> x;
      for (std::size_t i = 0; i < n; ++i)
        x[i] = xsimd::batch<float>::load_unaligned(
            reinterpret_cast<const float*>(from + (row + i) * pitch + 2 * column));
      transpose<float>(x);
      for (std::size_t i = 0; i < n; ++i)
        x[i].store_unaligned(reinterpret_cast<float*>(to + (column + i) * tile_side + row));
    }
}

/// to[i] = the pair of first[i] and second[i], i < 16.
inline void pair_numbers(const bfloat16* first, const bfloat16* second, bfloat16_pair* to) {
#ifdef __AVX512F__
  const auto halves = [](const bfloat16* from) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  };
  _mm512_storeu_si512(to, _mm512_or_si512(halves(first), _mm512_slli_epi32(halves(second), 16)));
#else
  for (std::size_t i = 0; i < tile_side; ++i)
    to[i] = first[i].bits | std::uint32_t{second[i].bits} << 16;
#endif
}
/// The same for channels [first_channel, first_channel + 16) of two pixels of `channels`; absent
/// pixels, which are null, and channels are zeros.
inline void pair_channels(const bfloat16* first, const bfloat16* second, std::size_t channels,
                          std::size_t first_channel, bfloat16_pair* to) {
  const std::size_t count = std::min(tile_side, channels - std::min(first_channel, channels));
  if (first && second && count == tile_side)
    return pair_numbers(first + first_channel, second + first_channel, to);
  alignas(32) bfloat16 numbers[2][tile_side] = {};
  for (std::size_t i = 0; first && i < count; ++i) numbers[0][i] = first[first_channel + i];
  for (std::size_t i = 0; second && i < count; ++i) numbers[1][i] = second[first_channel + i];
  pair_numbers(numbers[0], numbers[1], to);
}
/// to (16 pairs, 16): pairs of 32 rows of 16 numbers, each of a row and the next.
inline void pair_rows(const bfloat16* from, std::size_t pitch, bfloat16_pair* to) {
  for (std::size_t pair = 0; pair < tile_side; ++pair)
    pair_numbers(from + 2 * pair * pitch, from + (2 * pair + 1) * pitch, to + pair * tile_side);
}

/// How far the numbers of kernels are apart: of a channel of the result, of a tap, of a channel of
/// the input. One of the channels' is 1.
struct kernel_strides {
  std::size_t out, tap, in;
};

/// Kernels as right factors: for 32 channels of the result, for each output phase, for 32 channels
/// of the input after each other, for each tap.
class pixel_kernels {
 public:
  /// Kernels that lie so far apart, or that are packed as pack_result packs those of a convolution.
  pixel_kernels(const tap_geometry& t, const kernel_strides& strides, bool packed = false)
      : t_(t), strides_(strides), packed_(packed), blocks_(ceil_div(t.channels, step_depth)) {
    for (const auto& taps : t.taps) {
      phases_.push_back(size_);
      size_ += blocks_ * taps.size() * step;
    }
    for (std::size_t i = 0; i < size_; i += step) steps_.push_back(static_cast<std::uint32_t>(i));
  }

  /// Pairs of the panels of 32 channels of the result.
  std::size_t size() const { return size_; }
  /// Where those of an output phase start.
  std::size_t phase(std::size_t i) const { return phases_[i]; }
  /// Where each step starts in an output phase.
  const std::uint32_t* steps() const { return steps_.data(); }
  /// Pairs of a step's factor of 16 columns.
  static constexpr std::size_t tile = tile_side * tile_side;

  /// Whether they are the panels already.
  bool ready() const { return packed_ && strides_.in == 1; }
  /// Whether panels are packed by 32 channels of the result, since the numbers that a sum takes
  /// follow each other; else they are by 32 of the input.
  bool by_result() const { return packed_ || strides_.in == 1; }
  /// Packs the panels of channels [32·block, 32·block + 32) of the result.
  void pack_result(const bfloat16* weight, std::size_t block, bfloat16_pair* to) const {
    if (packed_) return repack(reinterpret_cast<const bfloat16_pair*>(weight), block, to);
    const std::size_t first = block * product_side,
                      columns = std::min(product_side, t_.out_channels - first);
    for_each_kernel(weight, [&](std::size_t phase, std::size_t i, const bfloat16* kernels) {
      for (std::size_t in = 0; in < blocks_; ++in)
        pack_step(kernels + first * strides_.out + in * step_depth, columns,
                  std::min(step_depth, t_.channels - in * step_depth), to + place(phase, i, in));
    });
  }
  /// Packs channels [32·block, 32·block + 32) of the input into the panels of all of the result.
  void pack_input(const bfloat16* weight, std::size_t block, bfloat16_pair* to) const {
    for_each_kernel(weight, [&](std::size_t phase, std::size_t i, const bfloat16* kernels) {
      const auto row = [&](std::size_t channel) {
        return channel < t_.channels ? kernels + channel * strides_.in : nullptr;
      };
      for (std::size_t out = 0; out < round_up(t_.out_channels, product_side); out += tile_side) {
        bfloat16_pair* const tile_of = to + out / product_side * size_ + place(phase, i, block) +
                                       out % product_side / tile_side * tile;
        for (std::size_t pair = 0; pair < tile_side; ++pair) {
          const std::size_t channel = block * step_depth + 2 * pair;
          pair_channels(row(channel), row(channel + 1), t_.out_channels, out,
                        tile_of + pair * tile_side);
        }
      }
    });
  }

  /// Blocks of 32 channels of the input.
  std::size_t blocks() const { return blocks_; }

 private:
  static constexpr std::size_t step = 2 * tile;

  std::size_t place(std::size_t phase, std::size_t tap, std::size_t block) const {
    return phases_[phase] + (block * t_.taps[phase].size() + tap) * step;
  }
  /// Calls body(phase, i, kernels) for tap i of each output phase.
  template <class Body>
  void for_each_kernel(const bfloat16* weight, const Body& body) const {
    for (std::size_t phase = 0; phase < t_.taps.size(); ++phase)
      for (std::size_t i = 0; i < t_.taps[phase].size(); ++i)
        body(phase, i, weight + t_.taps[phase][i].weight * strides_.tap);
  }

  /// The panels of 32 channels of the result of packed kernels in whose panels they are the
  /// input's.
  void repack(const bfloat16_pair* weight, std::size_t out, bfloat16_pair* to) const {
    const std::size_t outs = t_.out_channels / product_side, area = strides_.in / t_.out_channels;
    alignas(64) bfloat16 square[product_side * step_depth];  // (input, result)
    for (std::size_t block = 0; block < blocks_; ++block)
      for (std::size_t phase = 0; phase < t_.taps.size(); ++phase)
        for (std::size_t i = 0; i < t_.taps[phase].size(); ++i) {
          const bfloat16_pair* const from =
              weight + ((block * outs + out) * area + t_.taps[phase][i].weight) * step;
          bfloat16_pair* const step_of = to + place(phase, i, block);
          for (std::size_t half = 0; half < 2; ++half)
            transpose_pairs(
                reinterpret_cast<const bfloat16*>(from + half * tile), step_depth,
                reinterpret_cast<bfloat16_pair*>(square + half * tile_side * step_depth));
          for (std::size_t half = 0; half < 2; ++half)
            pair_rows(square + half * tile_side, step_depth, step_of + half * tile);
        }
  }

  /// A step's factor, (16 pairs, 16 columns) twice, from `depth` channels of the input.
  void pack_step(const bfloat16* from, std::size_t columns, std::size_t depth,
                 bfloat16_pair* to) const {
    std::size_t pitch = strides_.out;
    const bool whole = columns == product_side && depth == step_depth;
    const scratch<bfloat16> padded(whole ? 0 : product_side * step_depth);
    if (!whole) {
      std::fill_n(padded.data(), product_side * step_depth, bfloat16(0.0f));
      for (std::size_t column = 0; column < columns; ++column)
        std::copy_n(from + column * pitch, depth, padded + column * step_depth);
      from = padded;
      pitch = step_depth;
    }
    // Kernels are often met for the first time: those some steps further on are asked for.
    constexpr std::size_t ahead = 8 * step_depth * sizeof(bfloat16);
    for (std::size_t row = 0; row < product_side; ++row)
      __builtin_prefetch(reinterpret_cast<const void*>(
          reinterpret_cast<std::uintptr_t>(from + row * pitch) + ahead));
    for (std::size_t half = 0; half < 2; ++half)
      transpose_pairs(from + half * tile_side * pitch, pitch, to + half * tile);
  }

  const tap_geometry& t_;
  kernel_strides strides_;
  bool packed_;
  std::size_t blocks_, size_ = 0;
  std::vector<std::size_t> phases_;
  std::vector<std::uint32_t> steps_;
};

}  // namespace lift::detail
