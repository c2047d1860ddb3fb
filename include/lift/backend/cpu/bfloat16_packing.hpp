// SPDX-License-Identifier: MIT
#pragma once

// Float32 numbers as bfloat16 ones in the order in which bfloat16_product.hpp takes them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/bfloat16_product.hpp>
#include <lift/backend/cpu/block_transpose.hpp>

namespace lift::detail {

/// Rounds a vector of numbers.
inline void round_lanes(const xsimd::batch<float>& from, bfloat16* to) {
#ifdef __AVX512BF16__
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(from)));
#else
  alignas(64) float numbers[xsimd::batch<float>::size];
  from.store_aligned(numbers);
  for (std::size_t i = 0; i < xsimd::batch<float>::size; ++i) to[i] = bfloat16(numbers[i]);
#endif
}

/// to[i] = from[i] rounded.
inline void round_numbers(std::size_t n, const float* from, bfloat16* to) {
  constexpr std::size_t lanes = xsimd::batch<float>::size;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    round_lanes(xsimd::batch<float>::load_unaligned(from + i), to + i);
  for (; i < n; ++i) to[i] = bfloat16(from[i]);
}

/// to[i] = the pair of first[i] and second[i].
inline void pair_numbers(std::size_t n, const float* first, const float* second,
                         bfloat16_pair* to) {
  std::size_t i = 0;
#ifdef __AVX512BF16__
  alignas(64) static constexpr std::uint16_t turns[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i in_turn = _mm512_load_si512(turns);
  for (; i + 16 <= n; i += 16) {
    const auto both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(second + i), _mm512_loadu_ps(first + i));
    _mm512_storeu_si512(to + i,
                        _mm512_permutexvar_epi16(in_turn, __builtin_bit_cast(__m512i, both)));
  }
#endif
  for (; i < n; ++i)
    to[i] = bfloat16(first[i]).bits | std::uint32_t{bfloat16(second[i]).bits} << 16;
}

/// Calls give(column, row, vector) with the columns of a matrix (rows, columns), at most 16 rows,
/// as vectors of numbers from `row` on, zeros below the last. Nothing from `end` on is read.
template <class Give>
void for_each_column(const float* from, std::size_t pitch, std::size_t rows, std::size_t columns,
                     const float* end, const Give& give) {
  constexpr std::size_t n = lanes<float>;
  for (std::size_t column = 0; column < columns; column += n)
    for (std::size_t row = 0; row < tile_side; row += n) {
      const float* at = from + row * pitch + column;
      std::size_t at_pitch = pitch;
      alignas(64) float copy[n * n];
      if (row + n > rows ||
          static_cast<std::size_t>(end - from) < (row + n - 1) * pitch + column + n) {
        std::fill_n(copy, n * n, 0.0f);
        for (std::size_t i = 0; i < n && row + i < rows; ++i)
          std::copy_n(at + i * pitch, std::min(n, columns - column), copy + i * n);
        at = copy;
        at_pitch = n;
      }
      block<float> x;
      for (std::size_t i = 0; i < n; ++i)
        x[i] = xsimd::batch<float>::load_unaligned(at + i * at_pitch);
      transpose<float>(x);
      for (std::size_t j = 0; j < std::min(n, columns - column); ++j) give(column + j, row, x[j]);
    }
}

/// Takes apart what follows each other in turn: number i of 32 groups of n are the i-th of n
/// vectors of 32.
class unzipper {
 public:
  explicit unzipper(std::size_t n) : n_(n) {
#ifdef __AVX512BF16__
    for (std::size_t i = 0; i < n && n <= most_vectors; ++i)
      for (std::size_t v = 0; v < n; ++v) {
        lanes_of to;
        for (std::size_t lane = 0; lane < step_depth; ++lane) {
          const std::size_t at = lane * n + i;
          to.from[lane] = static_cast<std::uint16_t>(at % step_depth);
          if (at / step_depth == v) to.present |= 1u << lane;
        }
        places_.push_back(to);
      }
#endif
  }

  /// Writes the i-th numbers of the groups, rounded, to to(i).
  template <class To>
  void operator()(const float* from, const To& to) const {
#ifdef __AVX512BF16__
    if (n_ <= most_vectors) {
      __m512i rounded[most_vectors];
      for (std::size_t v = 0; v < n_; ++v) {
        const float* const at = from + v * step_depth;
        rounded[v] = __builtin_bit_cast(
            __m512i, _mm512_cvtne2ps_pbh(_mm512_loadu_ps(at + 16), _mm512_loadu_ps(at)));
      }
      for (std::size_t i = 0; i < n_; ++i) {
        __m512i numbers = _mm512_setzero_si512();
        for (std::size_t v = 0; v < n_; ++v) {
          const lanes_of& place = places_[i * n_ + v];
          numbers = _mm512_mask_permutexvar_epi16(numbers, place.present,
                                                  _mm512_load_si512(place.from), rounded[v]);
        }
        _mm512_storeu_si512(to(i), numbers);
      }
      return;
    }
#endif
    for (std::size_t i = 0; i < n_; ++i) {
      bfloat16* const numbers = to(i);
      for (std::size_t lane = 0; lane < step_depth; ++lane)
        numbers[lane] = bfloat16(from[lane * n_ + i]);
    }
  }

 private:
  std::size_t n_;
#ifdef __AVX512BF16__
  static constexpr std::size_t most_vectors = 16;
  struct alignas(64) lanes_of {
    std::uint16_t from[step_depth];
    std::uint32_t present = 0;
  };
  std::vector<lanes_of> places_;
#endif
};

}  // namespace lift::detail
