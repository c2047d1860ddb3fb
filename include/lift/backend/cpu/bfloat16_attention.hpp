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
#include <limits>
#include <numbers>
#include <vector>

#include <lift/backend/attention_geometry.hpp>
#include <lift/backend/cpu/bfloat16_packing.hpp>
#include <lift/backend/cpu/multiply_add.hpp>
#include <lift/backend/cpu/partial_lanes.hpp>
#include <lift/backend/cpu/rough_exp2.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// One head of one image: queries, keys and values, each of `pixels` rows of `depth` numbers.
class pixel_head {
  static constexpr std::size_t strip = product_side, tile = tile_side * tile_side;

 public:
  pixel_head(const attention_geometry& g, std::size_t head, const bfloat16* qkv)
      : depth_(g.depth),
        n_(g.pixels),
        depth_steps_(ceil_div(g.depth, step_depth)),
        key_steps_(ceil_div(g.pixels, step_depth)),
        q_{qkv + head / g.heads * 3 * g.image_size() + head % g.heads * g.depth,
           3 * g.heads * g.depth},
        k_{q_.data + g.heads * g.depth, q_.pitch},
        v_{k_.data + g.heads * g.depth, q_.pitch} {}

  /// Writes the head's channels of y (pixels, heads·depth), from the first of them on.
  void attend(const bfloat16_products_here& products, bfloat16* y, std::size_t pitch) const {
    const scratch<bfloat16_pair> keys(factor_size()), values(factor_size());
    pack_transposed(k_, keys);
    pack(v_, values);
    const scratch<bfloat16> q(strip * padded_depth()), p(strip * left_pitch());
    const scratch<float> scores(strip * scores_pitch());
    float shares[strip];
    for (std::size_t first = 0; first < n_; first += strip) {
      const std::size_t queries = std::min(strip, n_ - first);
      weigh(products, first, queries, keys, q, scores, p, shares);
      by_depth(products, p, values, scores);
      for (std::size_t i = 0; i < queries; ++i)
        round(scores + i * scores_pitch(), shares[i], y + (first + i) * pitch);
    }
  }

  /// Writes the head's channels of y's tangents, `stride` numbers apart, from the first of them on;
  /// `moved` is the same head of the tangents of qkv.
  void differentiate_along(const bfloat16_products_here& products,
                           const std::vector<pixel_head>& moved, bfloat16* dy, std::size_t pitch,
                           std::size_t stride) const {
    const scratch<bfloat16_pair> keys(factor_size()), values(factor_size()),
        moved_keys(moved.size() * factor_size()), moved_values(moved.size() * factor_size());
    pack_transposed(k_, keys);
    pack(v_, values);
    for (std::size_t k = 0; k < moved.size(); ++k) {
      pack_transposed(moved[k].k_, moved_keys + k * factor_size());
      pack(moved[k].v_, moved_values + k * factor_size());
    }
    const scratch<bfloat16> q(strip * padded_depth()), dq(strip * padded_depth()),
        p(strip * left_pitch()), ds(strip * left_pitch());
    const scratch<float> scores(strip * scores_pitch()), changes(strip * scores_pitch());
    const float scale = 1 / std::sqrt(static_cast<float>(depth_));
    float shares[strip];
    for (std::size_t first = 0; first < n_; first += strip) {
      const std::size_t queries = std::min(strip, n_ - first);
      weigh(products, first, queries, keys, q, scores, p, shares);
      for (std::size_t k = 0; k < moved.size(); ++k) {
        take(moved[k].q_, first, queries, dq);
        by_keys(products, dq, keys, changes);
        by_keys(products, q, moved_keys + k * factor_size(), changes, true);
        for (std::size_t i = 0; i < queries; ++i)
          softmax_gradient(k == 0 ? shares[i] : 1.0f, scale, p + i * left_pitch(),
                           changes + i * scores_pitch(), ds + i * left_pitch());
        by_depth(products, ds, values, scores);
        by_depth(products, p, moved_values + k * factor_size(), scores, true);
        for (std::size_t i = 0; i < queries; ++i)
          round(scores + i * scores_pitch(), 1.0f, dy + k * stride + (first + i) * pitch);
      }
    }
  }

  /// Writes the head's channels of the gradient of ⟨w, y⟩ with respect to queries, keys and values,
  /// as they are, from the first of them on; w as y.
  void differentiate(const bfloat16_products_here& products, const bfloat16* w, std::size_t w_pitch,
                     bfloat16* gradient) const {
    const scratch<bfloat16_pair> keys(factor_size()), values(factor_size()), k(factor_size());
    pack_transposed(k_, keys);
    pack_transposed(v_, values);
    pack(k_, k);
    const scratch<bfloat16> q(strip * padded_depth()), ws(strip * padded_depth()),
        p(strip * left_pitch()), ds(strip * left_pitch());
    const scratch<float> scores(strip * scores_pitch()), changes(strip * scores_pitch());
    // Of some strips, whose products with keys and values are summed at once.
    const scratch<bfloat16> all_p(strips_at_once * turned_size()),
        all_ds(strips_at_once * turned_size());
    const scratch<bfloat16_pair> all_q(strips_at_once * pairs_size()),
        all_w(strips_at_once * pairs_size());
    const scratch<float> dk(padded_keys() * padded_depth()), dv(padded_keys() * padded_depth());
    const float scale = 1 / std::sqrt(static_cast<float>(depth_));
    std::size_t kept = 0;
    bool more = false;
    for (std::size_t first = 0; first < n_; first += strip) {
      const std::size_t queries = std::min(strip, n_ - first);
      take(q_, first, queries, q);
      take({w, w_pitch}, first, queries, ws);
      by_keys(products, q, keys, scores);
      by_keys(products, ws, values, changes);
      for (std::size_t i = 0; i < strip; ++i) {
        bfloat16 *const row = p + i * left_pitch(), *const change = ds + i * left_pitch();
        if (i < queries) {
          const float share = exponentials(scores + i * scores_pitch(), row);
          softmax_gradient(share, scale, row, changes + i * scores_pitch(), change);
        } else {
          std::fill_n(row, padded_keys(), bfloat16(0.0f));
          std::fill_n(change, padded_keys(), bfloat16(0.0f));
        }
      }
      by_depth(products, ds, k, scores);
      for (std::size_t i = 0; i < queries; ++i)
        round(scores + i * scores_pitch(), 1.0f, gradient + (first + i) * q_.pitch);
      turn(p, kept, all_p);
      turn(ds, kept, all_ds);
      pair_strip(q, kept, all_q);
      pair_strip(ws, kept, all_w);
      if (++kept == strips_at_once || first + strip >= n_) {
        gather(products, kept, all_ds, all_q, dk, more);
        gather(products, kept, all_p, all_w, dv, more);
        kept = 0;
        more = true;
      }
    }
    const auto channels = static_cast<std::size_t>(k_.data - q_.data);
    for (std::size_t i = 0; i < n_; ++i) {
      round(dk + i * padded_depth(), 1.0f, gradient + channels + i * q_.pitch);
      round(dv + i * padded_depth(), 1.0f, gradient + 2 * channels + i * q_.pitch);
    }
  }

 private:
  /// Rows of numbers, `pitch` apart.
  struct rows {
    const bfloat16* data;
    std::size_t pitch;
  };
  static constexpr std::size_t strips_at_once = 4;

  std::size_t padded_depth() const { return depth_steps_ * step_depth; }
  std::size_t padded_keys() const { return key_steps_ * step_depth; }
  /// Of rows that do not all lie in the same sets of a cache.
  std::size_t left_pitch() const { return padded_keys() + step_depth; }
  std::size_t scores_pitch() const { return std::max(padded_keys(), padded_depth()) + tile_side; }
  /// Pairs of a right factor of all keys.
  std::size_t factor_size() const { return 2 * key_steps_ * depth_steps_ * tile; }

  /// q = `count` queries from `first` on, p = the softmax of their scores times the inverses of the
  /// shares.
  void weigh(const bfloat16_products_here& products, std::size_t first, std::size_t count,
             const bfloat16_pair* keys, bfloat16* q, float* scores, bfloat16* p,
             float* shares) const {
    take(q_, first, count, q);
    by_keys(products, q, keys, scores);
    for (std::size_t i = 0; i < count; ++i)
      shares[i] = exponentials(scores + i * scores_pitch(), p + i * left_pitch());
  }

  /// Rows [first, first + count), zeros behind them.
  void take(const rows& from, std::size_t first, std::size_t count, bfloat16* to) const {
    std::fill_n(to, strip * padded_depth(), bfloat16(0.0f));
    for (std::size_t i = 0; i < count; ++i)
      std::copy_n(from.data + (first + i) * from.pitch, depth_, to + i * padded_depth());
  }

  /// A matrix (pixels, depth) as a right factor, in tiles of (32 pixels, 16 depth).
  void pack(const rows& from, bfloat16_pair* to) const {
    for_each_square(from, [&](std::size_t i, std::size_t j, const bfloat16* square) {
      for (std::size_t half = 0; half < 2; ++half)
        pair_rows(square + half * tile_side, step_depth,
                  to + ((2 * j + half) * key_steps_ + i) * tile);
    });
  }
  /// Its transpose, in tiles of (32 depth, 16 pixels).
  void pack_transposed(const rows& from, bfloat16_pair* to) const {
    for_each_square(from, [&](std::size_t i, std::size_t j, const bfloat16* square) {
      for (std::size_t half = 0; half < 2; ++half)
        transpose_pairs(square + half * tile_side * step_depth, step_depth,
                        to + ((2 * i + half) * depth_steps_ + j) * tile);
    });
  }
  /// Calls body(i, j, square) with copies of pixels 32·i … and numbers 32·j … of them, zeros behind
  /// the last.
  template <class Body>
  void for_each_square(const rows& from, const Body& body) const {
    const scratch<bfloat16> square(step_depth * step_depth);
    for (std::size_t i = 0; i < key_steps_; ++i)
      for (std::size_t j = 0; j < depth_steps_; ++j) {
        const std::size_t pixels = std::min(step_depth, n_ - i * step_depth),
                          depth = std::min(step_depth, depth_ - j * step_depth);
        if (pixels < step_depth || depth < step_depth)
          std::fill_n(square.data(), step_depth * step_depth, bfloat16(0.0f));
        for (std::size_t pixel = 0; pixel < pixels; ++pixel)
          std::copy_n(from.data + (i * step_depth + pixel) * from.pitch + j * step_depth, depth,
                      square + pixel * step_depth);
        body(i, j, square.data());
      }
  }

  /// A strip (32, keys) turned: left factors of (16 keys, 32 queries), of kept strip `at`.
  void turn(const bfloat16* strip_of, std::size_t at, bfloat16* to) const {
    alignas(64) bfloat16_pair pairs[tile];
    for (std::size_t i = 0; i < 2 * key_steps_; ++i) {
      pair_rows(strip_of + i * tile_side, left_pitch(), pairs);
      transpose_pairs(reinterpret_cast<const bfloat16*>(pairs), step_depth,
                      reinterpret_cast<bfloat16_pair*>(to + (i * strips_at_once + at) * 2 * tile));
    }
  }
  std::size_t turned_size() const { return 2 * key_steps_ * 2 * tile; }
  /// A strip (32, depth) as right factors of (32 queries, 16 depth).
  void pair_strip(const bfloat16* strip_of, std::size_t at, bfloat16_pair* to) const {
    for (std::size_t j = 0; j < 2 * depth_steps_; ++j)
      pair_rows(strip_of + j * tile_side, padded_depth(), to + (j * strips_at_once + at) * tile);
  }
  std::size_t pairs_size() const { return 2 * depth_steps_ * tile; }

  /// to (32, keys) = left (32, depth)·right, and (32, depth) = left (32, keys)·right, added or not.
  void by_keys(const bfloat16_products_here& products, const bfloat16* left,
               const bfloat16_pair* right, float* to, bool add = false) const {
    multiply(products, {left, padded_depth()}, step_depth, right, depth_steps_, key_steps_,
             depth_steps_, to, scores_pitch(), add);
  }
  void by_depth(const bfloat16_products_here& products, const bfloat16* left,
                const bfloat16_pair* right, float* to, bool add = false) const {
    multiply(products, {left, left_pitch()}, step_depth, right, key_steps_, depth_steps_,
             key_steps_, to, scores_pitch(), add);
  }
  /// sums (keys, depth) = the kept strips, turned, times those of depth, added or not.
  void gather(const bfloat16_products_here& products, std::size_t kept, const bfloat16* turned,
              const bfloat16_pair* pairs, float* sums, bool add) const {
    for (std::size_t i = 0; i < key_steps_; ++i)
      multiply(products, {turned + i * 2 * strips_at_once * 2 * tile, step_depth}, 2 * tile, pairs,
               strips_at_once, depth_steps_, kept, sums + i * step_depth * padded_depth(),
               padded_depth(), add);
  }

  /// sums (32, 32·columns) = left·right, whose tiles of 16 columns are `right_steps` steps; a step
  /// of the left one is `left_step` numbers. Tiles of a left factor whose rows are a step long lie
  /// `strips_at_once` steps apart.
  static void multiply(const bfloat16_products_here& products, const rows& left,
                       std::size_t left_step, const bfloat16_pair* right, std::size_t right_steps,
                       std::size_t columns, std::size_t steps, float* sums, std::size_t pitch,
                       bool add) {
    std::vector<std::uint32_t> lefts(steps), rights(steps);
    for (std::size_t i = 0; i < steps; ++i) {
      lefts[i] = static_cast<std::uint32_t>(i * left_step);
      rights[i] = static_cast<std::uint32_t>(i * tile);
    }
    const std::size_t lower =
        left_step == 2 * tile ? strips_at_once * 2 * tile : tile_side * left.pitch;
    for (std::size_t column = 0; column < columns; ++column) {
      const bfloat16_pair* const at = right + 2 * column * right_steps * tile;
      products.multiply({.left = {left.data, left.data + lower},
                         .left_pitch = left.pitch,
                         .right = {at, at + right_steps * tile},
                         .right_pitch = tile_side,
                         .steps = steps,
                         .left_steps = lefts.data(),
                         .right_steps = rights.data()},
                        sums + column * product_side, pitch, add);
    }
  }

  using batch = xsimd::batch<float>;

  /// p = the softmax of a row of scores times the inverse of what is returned.
  float exponentials(float* scores, bfloat16* p) const {
    // e^x = 2^(x·log₂e) takes fewer steps.
    const float scale = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(depth_));
    std::fill(scores + n_, scores + padded_keys(), -std::numeric_limits<float>::infinity());
    // Two maxima, so that none waits for the one before.
    batch top(scores[0]), other = top;
    for (std::size_t i = 0; i < padded_keys(); i += 2 * batch::size) {
      top = xsimd::max(top, batch::load_unaligned(scores + i));
      other = xsimd::max(other, batch::load_unaligned(scores + i + batch::size));
    }
    float most = scores[0];
    for (const float lane : lanes_of(xsimd::max(top, other))) most = std::max(most, lane);
    batch total(0.0f);
    const batch scales(scale), offset(-most * scale);
    for (std::size_t i = 0; i < padded_keys(); i += batch::size) {
      const batch e = rough_exp2(multiply_add(batch::load_unaligned(scores + i), scales, offset));
      total += e;
      store_lanes(e, p + i);
    }
    std::fill(p + n_, p + padded_keys(), bfloat16(0.0f));
    return 1.0f / sum_of(total);
  }

  /// p ← p·share, ds = p∘(dp − Σ p∘dp)·scale, of a row.
  void softmax_gradient(float share, float scale, bfloat16* p, const float* dp,
                        bfloat16* ds) const {
    batch products(0.0f);
    for (std::size_t i = 0; i < padded_keys(); i += batch::size) {
      const batch x = load_lanes(p + i) * batch(share);
      store_lanes(x, p + i);
      products = multiply_add(x, batch::load_unaligned(dp + i), products);
    }
    const batch product(sum_of(products));
    for (std::size_t i = 0; i < padded_keys(); i += batch::size)
      store_lanes(load_lanes(p + i) * (batch::load_unaligned(dp + i) - product) * batch(scale),
                  ds + i);
  }

  static std::array<float, lanes<float>> lanes_of(const batch& x) {
    std::array<float, lanes<float>> numbers;
    x.store_unaligned(numbers.data());
    return numbers;
  }
  static float sum_of(const batch& x) {
    float total = 0;
    for (const float lane : lanes_of(x)) total += lane;
    return total;
  }

  /// to = sums·share, rounded.
  void round(const float* sums, float share, bfloat16* to) const {
    for_each_lanes<float>(depth_, [&](std::size_t i, auto n) {
      store_lanes(batch::load_unaligned(sums + i) * batch(share), to + i, n);
    });
  }

  std::size_t depth_, n_, depth_steps_, key_steps_;
  rows q_, k_, v_;
};

/// y = V·Pᵀ of every head, qkv (B, pixels, 3·heads·depth), y (B, pixels, heads·depth).
inline void bfloat16_attention(const attention_geometry& g, const bfloat16* qkv, bfloat16* y) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const bfloat16_products_here products;
    pixel_head(g, task, qkv)
        .attend(products, y + task / g.heads * g.image_size() + task % g.heads * g.depth,
                g.heads * g.depth);
  });
}

/// dy of `tangents` stacked tangents of qkv.
inline void bfloat16_attention_tangents(const attention_geometry& g, std::size_t tangents,
                                        const bfloat16* qkv, const bfloat16* dqkv, bfloat16* dy) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const bfloat16_products_here products;
    std::vector<pixel_head> moved;
    for (std::size_t k = 0; k < tangents; ++k)
      moved.emplace_back(g, task, dqkv + k * g.batch * 3 * g.image_size());
    pixel_head(g, task, qkv)
        .differentiate_along(products, moved,
                             dy + task / g.heads * g.image_size() + task % g.heads * g.depth,
                             g.heads * g.depth, g.batch * g.image_size());
  });
}

/// The gradient of ⟨w, y⟩ with respect to qkv.
inline void bfloat16_attention_gradient(const attention_geometry& g, const bfloat16* qkv,
                                        const bfloat16* w, bfloat16* gradient) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const bfloat16_products_here products;
    const std::size_t image = task / g.heads * g.image_size(), first = task % g.heads * g.depth;
    pixel_head(g, task, qkv)
        .differentiate(products, w + image + first, g.heads * g.depth,
                       gradient + 3 * image + first);
  });
}

}  // namespace lift::detail
