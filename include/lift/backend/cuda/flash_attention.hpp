// SPDX-License-Identifier: MIT
#pragma once

// Attention over the pixels of bfloat16 images with the channels last, its tangents and its gradient,
// without matrices of (pixels, pixels) in memory (Dao et al. 2022): op/attention.hpp has the
// formulas. For nvcc alone.
//
// A warp has 16 rows, queries or keys, and a block meets the others a tile at a time in shared
// memory. With t = q·k·log₂e/√d the probability of a key is p = 2^(t − L), L = log₂ Σ 2ᵗ.

#include <cmath>
#include <cstddef>
#include <numbers>

#include <lift/backend/attention_geometry.hpp>
#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/backend/cuda/launch.hpp>
#include <lift/backend/cuda/warp_products.hpp>
#include <lift/core/ceil_div.hpp>

namespace lift::detail {

inline constexpr unsigned attention_warps = 4, attention_strip = 16 * attention_warps;

/// The rows of one head of images (B, pixels, channels): queries, keys and values, or results.
struct attention_head {
  attention_geometry g;
  unsigned image, head;

  __device__ explicit attention_head(const attention_geometry& sizes)
      : g(sizes),
        image(blockIdx.y / static_cast<unsigned>(g.heads)),
        head(blockIdx.y % static_cast<unsigned>(g.heads)) {}

  __device__ unsigned channels() const { return static_cast<unsigned>(g.heads * g.depth); }
  __device__ unsigned pixels() const { return static_cast<unsigned>(g.pixels); }
  /// Where part 0, 1 or 2 of qkv starts, rows pitch() apart.
  __device__ std::size_t start(unsigned part) const {
    return image * g.pixels * pitch() + part * channels() + head * g.depth;
  }
  __device__ unsigned pitch() const { return 3 * channels(); }
  __device__ global_rows of(const bfloat16* qkv, unsigned part) const {
    return {qkv + start(part), pitch(), pixels(), static_cast<unsigned>(g.depth)};
  }
  /// Where the results start, rows channels() apart.
  __device__ std::size_t result() const { return image * g.image_size() + head * g.depth; }
  __device__ global_rows of_result(const bfloat16* w) const {
    return {w + result(), channels(), pixels(), static_cast<unsigned>(g.depth)};
  }
  __device__ float scale() const { return rsqrtf(static_cast<float>(g.depth)); }
  __device__ float binary_scale() const { return scale() * std::numbers::log2e_v<float>; }
};

/// The first row of this warp's strip.
__device__ inline unsigned strip_of_warp() {
  return blockIdx.x * attention_strip + threadIdx.x / 32 * 16;
}

/// Turns products of queries with keys first, ... into t, −∞ beyond the last key.
template <unsigned Count>
__device__ void scale_scores(sum_fragment (&scores)[Count], float binary_scale, unsigned first,
                             unsigned keys) {
  for_each_sum(scores, [&](float& s, unsigned, unsigned column) {
    s = first + column < keys ? s * binary_scale : -INFINITY;
  });
}

/// A softmax of the two rows of a lane, a tile of keys at a time.
struct running_softmax {
  float largest[2] = {-INFINITY, -INFINITY};
  float total[2] = {};  // of this lane's columns

  /// Turns t into 2^(t − largest), and gives for each row what sums of such must be multiplied by.
  template <unsigned Count>
  __device__ void take(sum_fragment (&t)[Count], float (&correction)[2]) {
    float most[2] = {largest[0], largest[1]};
    for_each_sum(t, [&](float& s, unsigned row, unsigned) {
      most[row] = most[row] < s || s != s ? s : most[row];
    });
    for (unsigned row = 0; row < 2; ++row) {
      most[row] = row_maximum(most[row]);
      correction[row] = fast_exp2(largest[row] - most[row]);
      largest[row] = most[row];
      total[row] *= correction[row];
    }
    for_each_sum(t, [&](float& s, unsigned row, unsigned) {
      s = fast_exp2(s - largest[row]);
      total[row] += s;
    });
  }
};

template <unsigned D>
__global__ void __launch_bounds__(32 * attention_warps)
    attention_kernel(attention_geometry g, const bfloat16* qkv, bfloat16* y) {
  constexpr unsigned tile = 64;
  __shared__ shared_rows<D, tile> keys, values;
  const attention_head head(g);
  const unsigned n = head.pixels(), first = strip_of_warp();
  const left_rows<D> queries(head.of(qkv, 0), first);
  running_softmax softmax;
  sum_fragment out[D / 8];
  for (unsigned key = 0; key < n; key += tile) {
    __syncthreads();
    keys.load(head.of(qkv, 1), key);
    values.load(head.of(qkv, 2), key);
    __syncthreads();
    sum_fragment scores[tile / 8];
    keys.multiply_transposed(queries, scores);
    scale_scores(scores, head.binary_scale(), key, n);
    float correction[2];
    softmax.take(scores, correction);
    for_each_sum(out, [&](float& o, unsigned row, unsigned) { o *= correction[row]; });
    values.multiply(scores, out);
  }
  const float share[2] = {1 / row_sum(softmax.total[0]), 1 / row_sum(softmax.total[1])};
  for_each_sum(out, [&](float& o, unsigned row, unsigned) { o *= share[row]; });
  store_strip(out, first, n, static_cast<unsigned>(g.depth), y + head.result(), head.channels());
}

/// dy = Σ p·(ds·V + dV) − (Σ p·ds)·y with ds = (dq·k + q·dk)/√d, for tangent blockIdx.z.
template <unsigned D>
__global__ void __launch_bounds__(32 * attention_warps)
    attention_tangents_kernel(attention_geometry g, const bfloat16* qkv, const bfloat16* dqkv,
                              bfloat16* dy) {
  constexpr unsigned tile = D < 128 ? 32 : 16;  // what registers are left for
  __shared__ shared_rows<D, tile> keys, values, key_tangents, value_tangents;
  const attention_head head(g);
  const unsigned n = head.pixels(), first = strip_of_warp();
  dqkv += blockIdx.z * (3 * g.batch * g.image_size());
  dy += blockIdx.z * (g.batch * g.image_size());
  const left_rows<D> queries(head.of(qkv, 0), first), query_tangents(head.of(dqkv, 0), first);
  running_softmax softmax;
  float changes[2] = {};  // Σ p·ds
  sum_fragment out[D / 8], tangent[D / 8];
  for (unsigned key = 0; key < n; key += tile) {
    __syncthreads();
    keys.load(head.of(qkv, 1), key);
    values.load(head.of(qkv, 2), key);
    key_tangents.load(head.of(dqkv, 1), key);
    value_tangents.load(head.of(dqkv, 2), key);
    __syncthreads();
    sum_fragment scores[tile / 8], score_tangents[tile / 8];
    keys.multiply_transposed(queries, scores);
    keys.multiply_transposed(query_tangents, score_tangents);
    key_tangents.multiply_transposed(queries, score_tangents);
    scale_scores(scores, head.binary_scale(), key, n);
    float correction[2];
    softmax.take(scores, correction);
    for (unsigned row = 0; row < 2; ++row) changes[row] *= correction[row];
    for_each_sum(out, [&](float& o, unsigned row, unsigned) { o *= correction[row]; });
    for_each_sum(tangent, [&](float& o, unsigned row, unsigned) { o *= correction[row]; });
    values.multiply(scores, out);
    value_tangents.multiply(scores, tangent);
#pragma unroll
    for (unsigned j = 0; j < tile / 8; ++j)
      for (unsigned i = 0; i < 4; ++i) {
        float& s = score_tangents[j].sums[i];
        s *= head.scale() * scores[j].sums[i];
        changes[i / 2] += s;
      }
    values.multiply(score_tangents, tangent);
  }
  float share[2], change[2];
  for (unsigned row = 0; row < 2; ++row) {
    share[row] = 1 / row_sum(softmax.total[row]);
    change[row] = row_sum(changes[row]) * share[row];
  }
#pragma unroll
  for (unsigned j = 0; j < D / 8; ++j)
    for (unsigned i = 0; i < 4; ++i)
      tangent[j].sums[i] =
          share[i / 2] * (tangent[j].sums[i] - change[i / 2] * out[j].sums[i]);
  store_strip(tangent, first, n, static_cast<unsigned>(g.depth), dy + head.result(),
              head.channels());
}

/// What the gradient needs of a query besides its rows: L, and Σ p·(w·v).
struct query_sums {
  float logarithm, product;
};

/// The gradient of queries, and their sums, with dp = w·v: dq = Σ p·(dp − Σ p·dp)·k/√d.
template <unsigned D>
__global__ void __launch_bounds__(32 * attention_warps)
    attention_query_gradient_kernel(attention_geometry g, const bfloat16* qkv, const bfloat16* w,
                                    query_sums* sums, bfloat16* gradient) {
  constexpr unsigned tile = 32;
  __shared__ shared_rows<D, tile> keys, values;
  const attention_head head(g);
  const unsigned n = head.pixels(), first = strip_of_warp();
  const left_rows<D> queries(head.of(qkv, 0), first), weights(head.of_result(w), first);
  const auto with_tile = [&](unsigned key, const auto& use) {
    __syncthreads();
    keys.load(head.of(qkv, 1), key);
    values.load(head.of(qkv, 2), key);
    __syncthreads();
    sum_fragment scores[tile / 8], changes[tile / 8];
    keys.multiply_transposed(queries, scores);
    values.multiply_transposed(weights, changes);
    scale_scores(scores, head.binary_scale(), key, n);
    use(scores, changes);
  };
  running_softmax softmax;
  float products[2] = {};
  for (unsigned key = 0; key < n; key += tile)
    with_tile(key, [&](auto& scores, const auto& changes) {
      float correction[2];
      softmax.take(scores, correction);
      for (unsigned row = 0; row < 2; ++row) products[row] *= correction[row];
#pragma unroll
      for (unsigned j = 0; j < tile / 8; ++j)
        for (unsigned i = 0; i < 4; ++i)
          products[i / 2] += scores[j].sums[i] * changes[j].sums[i];
    });
  query_sums own[2];
  for (unsigned row = 0; row < 2; ++row) {
    const float total = row_sum(softmax.total[row]);
    own[row] = {softmax.largest[row] + __log2f(total), row_sum(products[row]) / total};
    const unsigned query = first + threadIdx.x % 32 / 4 + 8 * row;
    if (threadIdx.x % 4 == 0 && query < n) sums[std::size_t{blockIdx.y} * n + query] = own[row];
  }
  sum_fragment out[D / 8];
  for (unsigned key = 0; key < n; key += tile)
    with_tile(key, [&](auto& scores, const auto& changes) {
#pragma unroll
      for (unsigned j = 0; j < tile / 8; ++j)
        for (unsigned i = 0; i < 4; ++i)
          scores[j].sums[i] = fast_exp2(scores[j].sums[i] - own[i / 2].logarithm) *
                              (changes[j].sums[i] - own[i / 2].product) * head.scale();
      keys.multiply(scores, out);
    });
  store_strip(out, first, n, static_cast<unsigned>(g.depth), gradient + head.start(0),
              head.pitch());
}

/// Those of keys and values: dk = Σ p·(dp − Σ p·dp)·q/√d and dv = Σ p·w over the queries.
template <unsigned D>
__global__ void __launch_bounds__(32 * attention_warps)
    attention_key_gradient_kernel(attention_geometry g, const bfloat16* qkv, const bfloat16* w,
                                  const query_sums* sums, bfloat16* gradient) {
  constexpr unsigned tile = 32;
  __shared__ shared_rows<D, tile> queries, weights;
  __shared__ query_sums of_query[tile];
  const attention_head head(g);
  const unsigned n = head.pixels(), first = strip_of_warp();
  const left_rows<D> keys(head.of(qkv, 1), first), values(head.of(qkv, 2), first);
  sum_fragment dk[D / 8], dv[D / 8];
  for (unsigned query = 0; query < n; query += tile) {
    __syncthreads();
    queries.load(head.of(qkv, 0), query);
    weights.load(head.of_result(w), query);
    for (unsigned i = threadIdx.x; i < tile; i += blockDim.x)
      of_query[i] =
          query + i < n ? sums[std::size_t{blockIdx.y} * n + query + i] : query_sums{};
    __syncthreads();
    sum_fragment scores[tile / 8], changes[tile / 8];  // (keys, queries)
    queries.multiply_transposed(keys, scores);
    scale_scores(scores, head.binary_scale(), query, n);
    for_each_sum(scores, [&](float& s, unsigned, unsigned column) {  // 0 beyond the last query
      s = fast_exp2(s - of_query[column].logarithm);
    });
    weights.multiply(scores, dv);
    weights.multiply_transposed(values, changes);
    const unsigned column = threadIdx.x % 4 * 2;
#pragma unroll
    for (unsigned j = 0; j < tile / 8; ++j)
      for (unsigned i = 0; i < 4; ++i)
        changes[j].sums[i] = scores[j].sums[i] * head.scale() *
                             (changes[j].sums[i] - of_query[8 * j + column + i % 2].product);
    queries.multiply(changes, dk);
  }
  const auto depth = static_cast<unsigned>(g.depth);
  store_strip(dk, first, n, depth, gradient + head.start(1), head.pitch());
  store_strip(dv, first, n, depth, gradient + head.start(2), head.pitch());
}

/// Whether there are kernels for heads of these sizes.
inline bool has_flash_attention(const attention_geometry& g) {
  return g.depth % 8 == 0 && g.depth >= 8 && g.depth <= 128 && g.batch * g.heads < 65536;
}

/// Calls launch(columns, grid) with a number of columns that the heads' depth fits in.
template <class Launch>
void with_attention_depth(const attention_geometry& g, const Launch& launch) {
  if (g.batch * g.heads * g.pixels == 0) return;
  const dim3 grid(static_cast<unsigned>(ceil_div(g.pixels, attention_strip)),
                  static_cast<unsigned>(g.batch * g.heads));
  const auto with = [&]<unsigned D>() { launch.template operator()<D>(grid); };
  if (g.depth <= 16)
    with.template operator()<16>();
  else if (g.depth <= 32)
    with.template operator()<32>();
  else if (g.depth <= 64)
    with.template operator()<64>();
  else
    with.template operator()<128>();
}

inline void flash_attention(const attention_geometry& g, const bfloat16* qkv, bfloat16* y) {
  with_attention_depth(g, [&]<unsigned D>(const dim3& grid) {
    launch(attention_kernel<D>, grid, 32 * attention_warps, g, qkv, y);
  });
}

inline void flash_attention_tangents(const attention_geometry& g, std::size_t tangents,
                                     const bfloat16* qkv, const bfloat16* dqkv, bfloat16* dy) {
  with_attention_depth(g, [&]<unsigned D>(dim3 grid) {
    grid.z = static_cast<unsigned>(tangents);
    launch(attention_tangents_kernel<D>, grid, 32 * attention_warps, g, qkv, dqkv, dy);
  });
}

inline void flash_attention_gradient(const attention_geometry& g, const bfloat16* qkv,
                                     const bfloat16* w, bfloat16* gradient) {
  const device_block memory(g.batch * g.heads * g.pixels * sizeof(query_sums));
  auto* const sums = static_cast<query_sums*>(memory.data());
  with_attention_depth(g, [&]<unsigned D>(const dim3& grid) {
    constexpr unsigned threads = 32 * attention_warps;
    launch(attention_query_gradient_kernel<D>, grid, threads, g, qkv, w, sums, gradient);
    launch(attention_key_gradient_kernel<D>, grid, threads, g, qkv, w, sums, gradient);
  });
}

}  // namespace lift::detail
