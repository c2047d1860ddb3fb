// SPDX-License-Identifier: MIT
#pragma once

// Multi-head attention over the pixels of bfloat16 images with the channels last, a strip of 32
// queries at a time: scores (queries, keys), so that queries and probabilities are left factors of
// products as they lie. op/attention.hpp has the formulas.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include <lift/backend/attention_geometry.hpp>
#include <lift/backend/cpu/bfloat16_pixels.hpp>
#include <lift/backend/cpu/rough_exp2.hpp>
#include <lift/backend/cpu/simd_lanes.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// One head of one image.
class pixel_head {
 public:
  pixel_head(const attention_geometry& g, std::size_t head, const bfloat16* qkv)
      : depth_(g.depth),
        n_(g.pixels),
        pitch_(3 * g.heads * g.depth),
        depth_steps_(ceil_div(g.depth, step_depth)),
        key_steps_(ceil_div(g.pixels, step_depth)),
        q_(qkv + head / g.heads * 3 * g.image_size() + head % g.heads * g.depth),
        k_(q_ + g.heads * g.depth),
        v_(k_ + g.heads * g.depth),
        out_pitch_(g.heads * g.depth),
        keys_(2 * key_steps_ * depth_steps_ * tile),
        values_(2 * depth_steps_ * key_steps_ * tile) {
    pack();
  }

  /// Writes the head's channels of y (pixels, heads·depth), from the first of them on.
  void attend(const bfloat16_products_here& products, bfloat16* y) const {
    const std::size_t padded_depth = depth_steps_ * step_depth, keys = key_steps_ * step_depth;
    // Rows that do not all lie in the same sets of a cache.
    const std::size_t scores_pitch = std::max(keys, padded_depth) + tile_side,
                      left_pitch = keys + step_depth;
    const scratch<bfloat16> q(strip * padded_depth), p(strip * left_pitch);
    const scratch<float> scores(strip * scores_pitch);
    float shares[strip];
    for (std::size_t first = 0; first < n_; first += strip) {
      const std::size_t queries = std::min(strip, n_ - first);
      std::fill_n(q.data(), strip * padded_depth, bfloat16(0.0f));
      for (std::size_t i = 0; i < queries; ++i)
        std::copy_n(q_ + (first + i) * pitch_, depth_, q + i * padded_depth);
      multiply(products, q, padded_depth, keys_, key_steps_, depth_steps_, scores, scores_pitch);
      for (std::size_t i = 0; i < queries; ++i)
        shares[i] = exponentials(scores + i * scores_pitch, p + i * left_pitch);
      multiply(products, p, left_pitch, values_, depth_steps_, key_steps_, scores, scores_pitch);
      for (std::size_t i = 0; i < queries; ++i)
        round(scores + i * scores_pitch, shares[i], y + (first + i) * out_pitch_);
    }
  }

 private:
  static constexpr std::size_t strip = product_side, tile = tile_side * tile_side;

  /// Keys as right factors of (32 depth, 16 keys), and values of (32 keys, 16 depth).
  void pack() const {
    const scratch<bfloat16> some(step_depth * step_depth);
    for (std::size_t i = 0; i < key_steps_; ++i)
      for (std::size_t j = 0; j < depth_steps_; ++j) {
        take(k_, i, j, some);
        for (std::size_t half = 0; half < 2; ++half)
          transpose_pairs(some + half * tile_side * step_depth, step_depth,
                          keys_ + ((2 * i + half) * depth_steps_ + j) * tile);
        take(v_, i, j, some);
        for (std::size_t half = 0; half < 2; ++half)
          pair_rows(some + half * tile_side, step_depth,
                    values_ + ((2 * j + half) * key_steps_ + i) * tile);
      }
  }
  /// Pixels 32·i … and numbers 32·j … of them, zeros behind the last.
  void take(const bfloat16* from, std::size_t i, std::size_t j, bfloat16* to) const {
    const std::size_t pixels = std::min(step_depth, n_ - i * step_depth),
                      depth = std::min(step_depth, depth_ - j * step_depth);
    if (pixels < step_depth || depth < step_depth)
      std::fill_n(to, step_depth * step_depth, bfloat16(0.0f));
    for (std::size_t pixel = 0; pixel < pixels; ++pixel)
      std::copy_n(from + (i * step_depth + pixel) * pitch_ + j * step_depth, depth,
                  to + pixel * step_depth);
  }

  /// sums (32, 32·columns) = left (32, 32·steps)·right, the latter in tiles of a step.
  static void multiply(const bfloat16_products_here& products, const bfloat16* left,
                       std::size_t left_pitch, const bfloat16_pair* right, std::size_t columns,
                       std::size_t steps, float* sums, std::size_t pitch) {
    std::vector<std::uint32_t> left_steps(steps), right_steps(steps);
    for (std::size_t i = 0; i < steps; ++i) {
      left_steps[i] = static_cast<std::uint32_t>(i * step_depth);
      right_steps[i] = static_cast<std::uint32_t>(i * tile);
    }
    for (std::size_t column = 0; column < columns; ++column) {
      const bfloat16_pair* const at = right + 2 * column * steps * tile;
      products.multiply({.left = {left, left + tile_side * left_pitch},
                         .left_pitch = left_pitch,
                         .right = {at, at + steps * tile},
                         .right_pitch = tile_side,
                         .steps = steps,
                         .left_steps = left_steps.data(),
                         .right_steps = right_steps.data()},
                        sums + column * product_side, pitch);
    }
  }

  /// p = the softmax of a row of scores times the inverse of what is returned.
  float exponentials(const float* scores, bfloat16* p) const {
    using batch = xsimd::batch<float>;
    // e^x = 2^(x·log₂e) takes fewer steps.
    const float scale = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(depth_));
    const std::size_t whole = n_ / batch::size * batch::size;
    float top = scores[0];
    batch tops(top);
    for (std::size_t i = 0; i < whole; i += batch::size)
      tops = xsimd::max(tops, batch::load_unaligned(scores + i));
    for (const float lane : lanes_of(tops)) top = std::max(top, lane);
    for (std::size_t i = whole; i < n_; ++i) top = std::max(top, scores[i]);
    batch totals(0.0f);
    const batch scales(scale), offset(-top * scale);
    for (std::size_t i = 0; i < whole; i += batch::size) {
      const batch e = rough_exp2(xsimd::fma(batch::load_unaligned(scores + i), scales, offset));
      totals += e;
      store_lanes(e, p + i);
    }
    float total = 0;
    for (const float lane : lanes_of(totals)) total += lane;
    for (std::size_t i = whole; i < n_; ++i) {
      const float e = std::exp2((scores[i] - top) * scale);
      total += e;
      p[i] = bfloat16(e);
    }
    std::fill(p + n_, p + key_steps_ * step_depth, bfloat16(0.0f));
    return 1.0f / total;
  }

  static std::array<float, lanes<float>> lanes_of(const xsimd::batch<float>& x) {
    std::array<float, lanes<float>> numbers;
    x.store_unaligned(numbers.data());
    return numbers;
  }

  /// to = sums·share, rounded.
  void round(const float* sums, float share, bfloat16* to) const {
    using batch = xsimd::batch<float>;
    std::size_t i = 0;
    for (; i + batch::size <= depth_; i += batch::size)
      store_lanes(batch::load_unaligned(sums + i) * batch(share), to + i);
    for (; i < depth_; ++i) to[i] = bfloat16(sums[i] * share);
  }

  std::size_t depth_, n_, pitch_, depth_steps_, key_steps_;
  const bfloat16 *q_, *k_, *v_;
  std::size_t out_pitch_;
  scratch<bfloat16_pair> keys_, values_;
};

/// y = V·Pᵀ of every head, qkv (B, pixels, 3·heads·depth), y (B, pixels, heads·depth).
inline void bfloat16_attend_pixels(const attention_geometry& g, const bfloat16* qkv, bfloat16* y) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const bfloat16_products_here products;
    pixel_head(g, task, qkv)
        .attend(products, y + task / g.heads * g.image_size() + task % g.heads * g.depth);
  });
}

}  // namespace lift::detail
