// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lift/backend/cpu/bfloat16_packing.hpp>
#include <lift/backend/cpu/panel_attention.hpp>
#include <lift/core/ceil_div.hpp>

namespace lift::detail {

/// A head of panel_attention.hpp whose products have factors rounded to bfloat16, 32 rows × 32
/// columns at a time; what is left of 32 in depth or pixels is filled up with zeros.
class bfloat16_head : public attention_strips<float, 2 * product_side> {
 public:
  using number = float;
  using factor = bfloat16;
  using arithmetic = bfloat16_products_here;

  bfloat16_head(const attention_geometry& g, std::size_t head, const float* qkv,
                const arithmetic& products)
      : attention_strips(g, head, qkv),
        products_(&products),
        padded_depth_(round_up(g.depth, product_side)),
        padded_n_(round_up(g.pixels, product_side)) {}

  std::size_t keys_size() const { return padded_n_ * padded_depth_; }
  std::size_t scores_size() const { return padded_n_ * strip; }
  std::size_t strip_size() const { return padded_depth_ * strip; }
  std::size_t keys_pitch() const { return padded_depth_; }

  void transpose(const float* x, bfloat16* to) const {
    for (std::size_t first = 0; first < padded_depth_; first += tile_side)
      for_each_column(x + std::min(first, depth_) * n_, n_,
                      std::min(tile_side, depth_ - std::min(first, depth_)), n_, x + depth_ * n_,
                      [&](std::size_t pixel, std::size_t d, const batch& v) {
                        round_lanes(v, to + pixel * padded_depth_ + first + d);
                      });
    std::fill(to + n_ * padded_depth_, to + keys_size(), bfloat16(0.0f));
  }
  static constexpr bool keeps_rows = false;
  const bfloat16* rows(const float* x, bfloat16* to) const {
    std::fill_n(to, keys_size(), bfloat16(0.0f));
    for (std::size_t d = 0; d < depth_; ++d) round_numbers(n_, x + d * n_, to + d * padded_n_);
    return to;
  }

  void by_keys(float alpha, const bfloat16* transposed, const float* x, float* to,
               bool add = false) const {
    multiply_strip(padded_n_, depth_, padded_depth_, alpha, transposed, x, to, add);
  }
  void by_values(const bfloat16* x, const float* m, float* to, bool add = false) const {
    multiply_strip(padded_depth_, n_, padded_n_, 1.0f, x, m, to, add);
  }
  void gather(const float* m, const float* x, float* sum, bool add) const {
    const scratch<bfloat16> left(padded_n_ * strip), right(padded_depth_ * strip);
    round_numbers(n_ * strip, m, left);
    std::fill(left + n_ * strip, left + padded_n_ * strip, bfloat16(0.0f));
    round_numbers(depth_ * strip, x, right);
    std::fill(right + depth_ * strip, right + padded_depth_ * strip, bfloat16(0.0f));
    // Pairs of queries, which are only moved, as numbers of their size.
    const scratch<bfloat16_pair> turned(padded_depth_ * strip / 2);
    transpose_matrix(padded_depth_, strip / 2, reinterpret_cast<const float*>(right.data()),
                     strip / 2, reinterpret_cast<float*>(turned.data()), padded_depth_);
    multiply(padded_n_, strip, left, {turned, padded_depth_}, sum, padded_depth_, add);
  }

 private:
  /// to (rows, strip) = alpha·left (rows, padded)·x (depth, strip), added or not.
  void multiply_strip(std::size_t rows, std::size_t depth, std::size_t padded, float alpha,
                      const bfloat16* left, const float* x, float* to, bool add) const {
    const scratch<bfloat16_pair> right(padded / 2 * strip);
    alignas(64) float two[2 * strip];
    for (std::size_t k = 0; k < padded; k += 2) {
      const float* at = x + k * strip;
      if (alpha != 1.0f || k + 2 > depth) {
        for (std::size_t i = 0; i < 2 * strip; ++i)
          two[i] = k + i / strip < depth ? alpha * at[i] : 0.0f;
        at = two;
      }
      pair_numbers(strip, at, at + strip, right + k / 2 * strip);
    }
    multiply(rows, padded, left, {right, strip}, to, strip, add);
  }

  /// A right factor of products, `columns` pairs in a row.
  struct right_factor {
    const bfloat16_pair* data;
    std::size_t columns;
  };
  /// sums (rows, right.columns) = left (rows, depth)·right, added or not.
  void multiply(std::size_t rows, std::size_t depth, const bfloat16* left,
                const right_factor& right, float* sums, std::size_t pitch, bool add) const {
    const std::size_t steps = depth / step_depth;
    std::vector<std::uint32_t> left_steps(steps), right_steps(steps);
    for (std::size_t i = 0; i < steps; ++i) {
      left_steps[i] = static_cast<std::uint32_t>(i * step_depth);
      right_steps[i] = static_cast<std::uint32_t>(i * tile_side * right.columns);
    }
    for (std::size_t i = 0; i < rows; i += product_side)
      for (std::size_t j = 0; j < right.columns; j += product_side)
        products_->multiply({.left = {left + i * depth, left + (i + tile_side) * depth},
                             .left_pitch = depth,
                             .right = {right.data + j, right.data + j + tile_side},
                             .right_pitch = right.columns,
                             .steps = steps,
                             .left_steps = left_steps.data(),
                             .right_steps = right_steps.data()},
                            sums + i * pitch + j, pitch, add);
  }

  const bfloat16_products_here* products_;
  std::size_t padded_depth_, padded_n_;
};

}  // namespace lift::detail
