// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <lift/backend/cpu/bfloat16_packing.hpp>
#include <lift/backend/cpu/bfloat16_taps.hpp>
#include <lift/backend/cpu/work_space.hpp>

namespace lift::detail {

/// Some rows of an image, of all its channels, as the right factors of the products of a sum over
/// taps.
///
/// Channels lie in pairs, pair by pair, each phase of pixels by itself. Rows whose length is a
/// multiple of a tile's side are stored once, with the pixels that a tap reaches beyond; of others
/// there is a copy for each column of taps, moved by it, so that rows follow each other without
/// gaps and a tile of sums goes over several.
class strip_layout {
 public:
  strip_layout(const tap_geometry& t, std::size_t rows)
      : t_(t),
        rows_(rows),
        copies_(t.columns() % tile_side == 0 ? 1 : t.reach.width + 1),
        pitch_(copies_ == 1 ? t.columns() + t.reach.width : t.columns()),
        blocks_(ceil_div(t.channels, step_depth)),
        plane_(ceil_div((rows + t.reach.height) * pitch_, tile_side) / 2 * 2 * tile_side +
               tile_side) {}

  /// Pairs of a strip, and how many more may be read behind it.
  std::size_t size() const { return t_.in_phases.area() * copies_ * blocks_ * tile_side * plane_; }
  static constexpr std::size_t overread = 2 * tile_side;
  /// From one pair of channels to the next.
  std::size_t plane() const { return plane_; }
  /// Sums, counted along rows; tiles of 16 begin at multiples of 16.
  std::size_t positions() const { return rows_ * t_.columns(); }
  /// Where the right factor of the tile at `position` starts.
  std::size_t place(std::size_t position) const {
    return position / t_.columns() * pitch_ + position % t_.columns();
  }
  /// Where the steps start: 32 channels after each other, and for them each tap of an output phase.
  std::vector<std::uint32_t> steps(const std::vector<tap>& taps) const {
    std::vector<std::uint32_t> starts;
    for (std::size_t block = 0; block < blocks_; ++block)
      for (const tap& x : taps) {
        const std::size_t copy = copies_ == 1 ? 0 : x.column, moved = copies_ == 1 ? x.column : 0;
        starts.push_back(static_cast<std::uint32_t>(place_of(x.phase, copy, block * tile_side) +
                                                    x.row * pitch_ + moved));
      }
    return starts;
  }

  /// Packs rows [first, first + rows) of an image (C, H, W).
  void pack(const float* image, std::size_t first, bfloat16_pair* to) const {
    const std::size_t width = t_.columns() + t_.reach.width;
    const scratch<float> lines(2 * width);
    const scratch<bfloat16_pair> line(width);
    for (std::size_t pair = 0; pair < blocks_ * tile_side; ++pair)
      for (std::size_t p = 0; p < t_.in_phases.height; ++p)
        for (std::size_t q = 0; q < t_.in_phases.width; ++q)
          for (std::size_t row = 0; row < rows_ + t_.reach.height; ++row) {
            const auto at = [&](std::size_t copy) {
              return to + place_of(p * t_.in_phases.width + q, copy, pair) + row * pitch_;
            };
            pack_line(image, pair, first + row, p, q, lines, copies_ == 1 ? at(0) : line.data());
            for (std::size_t copy = 0; copy < copies_ && copies_ > 1; ++copy)
              std::memcpy(at(copy), line + copy, pitch_ * sizeof(bfloat16_pair));
          }
  }

 private:
  /// Where a pair of channels of a phase's copy starts.
  std::size_t place_of(std::size_t phase, std::size_t copy, std::size_t pair) const {
    return ((phase * copies_ + copy) * blocks_ * tile_side + pair) * plane_;
  }

  /// The pixels of a row of a phase of two channels, zeros outside the image.
  void pack_line(const float* image, std::size_t pair, std::size_t row, std::size_t p,
                 std::size_t q, float* lines, bfloat16_pair* to) const {
    const std::size_t width = t_.columns() + t_.reach.width;
    const std::size_t y =
        row * t_.in_phases.height + p - t_.origin.height;  // wraps around above the image
    if (y >= t_.height || 2 * pair >= t_.channels) {
      std::fill_n(to, width, bfloat16_pair{0});
      return;
    }
    const line_span span(t_, q);
    const float* rows[2];
    for (std::size_t i = 0; i < 2; ++i) {
      const float* const source = image + ((2 * pair + i) * t_.height + y) * t_.width;
      float* const line = lines + i * width;
      rows[i] = line;
      if (2 * pair + i >= t_.channels)
        std::fill_n(line, width, 0.0f);
      else if (span.stride == 1)
        rows[i] = span.in(source);
      else
        span.take(source, line);
    }
    std::fill_n(to, span.first, bfloat16_pair{0});
    pair_numbers(span.last - span.first, rows[0], rows[1], to + span.first);
    std::fill(to + span.last, to + width, bfloat16_pair{0});
  }

  const tap_geometry& t_;
  std::size_t rows_, copies_, pitch_, blocks_, plane_;
};

}  // namespace lift::detail
