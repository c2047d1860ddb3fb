// SPDX-License-Identifier: MIT
#pragma once

// Products of small matrices of bfloat16 by the tensor cores of a warp, and the rows of larger ones
// that they are made of; for nvcc alone, and devices from compute capability 8.0 on.

#include <cstdint>

#include <lift/backend/thrust/packet.hpp>
#include <lift/tensor/bfloat16.hpp>

namespace lift::detail {

/// Fragments of matrices as mma.m16n8k16 spreads them over a warp (PTX ISA, "Matrix Fragments for
/// mma.m16n8k16"): (16, 16) left factors in pairs of bfloat16, (16, 8) sums. Lane l has rows l/4 and
/// l/4 + 8, and of eight columns 2·(l%4) and the next.
struct left_fragment {
  std::uint32_t pairs[4];
};
struct sum_fragment {
  float sums[4] = {};
};

/// Two numbers, the first in the lower half.
__device__ inline std::uint32_t rounded_pair(float first, float second) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

/// sum += left·right, right (16, 8) in two registers.
__device__ inline void multiply_add(sum_fragment& sum, const left_fragment& left,
                                    std::uint32_t right0, std::uint32_t right1) {
  float(&c)[4] = sum.sums;
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(left.pairs[0]), "r"(left.pairs[1]), "r"(left.pairs[2]), "r"(left.pairs[3]),
        "r"(right0), "r"(right1));
}

/// Rows of bfloat16 in global memory, `pitch` elements apart; what lies beyond them is 0. `depth`
/// is a multiple of 8.
struct global_rows {
  const bfloat16* data;
  unsigned pitch, count, depth;

  __device__ std::uint32_t pair(unsigned row, unsigned column) const {
    if (row >= count || column >= depth) return 0;
    return *reinterpret_cast<const std::uint32_t*>(data + row * pitch + column);
  }
  __device__ packet<bfloat16, 8> eight(unsigned row, unsigned column) const {
    if (row >= count || column >= depth) return {};
    return *packets<8>(data + row * pitch + column);
  }
};

/// 16 rows of D columns as left factors.
template <unsigned D>
struct left_rows {
  left_fragment of[D / 16];

  __device__ left_rows(const global_rows& rows, unsigned first) {
    const unsigned lane = threadIdx.x % 32, row = first + lane / 4, column = 2 * (lane % 4);
#pragma unroll
    for (unsigned k = 0; k < D / 16; ++k)
      for (unsigned i = 0; i < 4; ++i)
        of[k].pairs[i] = rows.pair(row + i % 2 * 8, 16 * k + column + i / 2 * 8);
  }
};

/// Rows of D columns in shared memory, Rows of them.
template <unsigned D, unsigned Rows>
struct shared_rows {
  static constexpr unsigned pitch = D + 8;  // so that eight rows meet all banks
  alignas(16) bfloat16 of[Rows * pitch];

  /// Copies rows first, ... of others; every thread of the block calls it.
  __device__ void load(const global_rows& rows, unsigned first) {
    constexpr unsigned packets_of_row = D / 8;
    for (unsigned i = threadIdx.x; i < Rows * packets_of_row; i += blockDim.x) {
      const unsigned row = i / packets_of_row, column = i % packets_of_row * 8;
      *packets<8>(of + row * pitch + column) = rows.eight(first + row, column);
    }
  }

  /// sums (16, Rows) += left·rowsᵀ.
  __device__ void multiply_transposed(const left_rows<D>& left,
                                      sum_fragment (&sums)[Rows / 8]) const {
    const unsigned lane = threadIdx.x % 32, eight = lane / 8;
#pragma unroll
    for (unsigned k = 0; k < D / 16; ++k)
#pragma unroll
      for (unsigned n = 0; n < Rows / 16; ++n) {
        std::uint32_t right[4];
        const unsigned row = 16 * n + eight / 2 * 8 + lane % 8, column = 16 * k + eight % 2 * 8;
        load_matrices(right, of + row * pitch + column);
        multiply_add(sums[2 * n], left.of[k], right[0], right[1]);
        multiply_add(sums[2 * n + 1], left.of[k], right[2], right[3]);
      }
  }

  /// sums (16, D) += weights (16, Rows)·rows, the weights rounded.
  __device__ void multiply(const sum_fragment (&weights)[Rows / 8],
                           sum_fragment (&sums)[D / 8]) const {
    const unsigned lane = threadIdx.x % 32, eight = lane / 8;
#pragma unroll
    for (unsigned k = 0; k < Rows / 16; ++k) {
      const float(&low)[4] = weights[2 * k].sums, (&high)[4] = weights[2 * k + 1].sums;
      const left_fragment left{{rounded_pair(low[0], low[1]), rounded_pair(low[2], low[3]),
                                rounded_pair(high[0], high[1]), rounded_pair(high[2], high[3])}};
#pragma unroll
      for (unsigned n = 0; n < D / 16; ++n) {
        std::uint32_t right[4];
        const unsigned row = 16 * k + eight % 2 * 8 + lane % 8, column = 16 * n + eight / 2 * 8;
        load_transposed(right, of + row * pitch + column);
        multiply_add(sums[2 * n], left, right[0], right[1]);
        multiply_add(sums[2 * n + 1], left, right[2], right[3]);
      }
    }
  }

 private:
  static __device__ std::uint32_t shared_address(const bfloat16* p) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
  }
  /// Four (8, 8) matrices, a row of which this lane names; as they are, or transposed.
  static __device__ void load_matrices(std::uint32_t (&to)[4], const bfloat16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
  static __device__ void load_transposed(std::uint32_t (&to)[4], const bfloat16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
};

/// Calls f(fragment, i, column) for number i of each of a strip's (16, 8·Count) sums: i / 2 says
/// which of a lane's two rows it is in.
template <unsigned Count, class F>
__device__ void for_each_sum(sum_fragment (&strip)[Count], const F& f) {
  const unsigned column = threadIdx.x % 4 * 2;
#pragma unroll
  for (unsigned n = 0; n < Count; ++n)
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) f(strip[n].sums[i], i / 2, 8 * n + column + i % 2);
}

/// Writes the rows [first, first + 16) of a strip that lie within `rows`, columns below `depth`.
template <unsigned Count>
__device__ void store_strip(const sum_fragment (&strip)[Count], unsigned first, unsigned rows,
                            unsigned depth, bfloat16* to, unsigned pitch) {
  const unsigned lane = threadIdx.x % 32;
#pragma unroll
  for (unsigned n = 0; n < Count; ++n)
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned row = first + lane / 4 + 8 * i, column = 8 * n + lane % 4 * 2;
      if (row < rows && column < depth)
        *reinterpret_cast<std::uint32_t*>(to + row * pitch + column) =
            rounded_pair(strip[n].sums[2 * i], strip[n].sums[2 * i + 1]);
    }
}

/// Of what the four lanes of a row have.
__device__ inline float row_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}
__device__ inline float row_maximum(float x) {
  const auto larger = [](float a, float b) { return a < b || b != b ? b : a; };  // NaN stays
  x = larger(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return larger(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
/// 2ˣ, some 2⁻²² off.
__device__ inline float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace lift::detail
