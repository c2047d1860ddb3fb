// SPDX-License-Identifier: MIT
#pragma once

// Float32 numbers as bfloat16 ones in the order in which bfloat16_product.hpp takes them.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/bfloat16_product.hpp>
#include <lift/backend/cpu/block_transpose.hpp>

namespace lift::detail {

/// Rounds a vector of numbers.
inline void round_lanes(const xsimd::batch<float>& from, bfloat16* to) {
#ifdef __AVX512BF16__
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(from)));
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
  for (; i + lanes <= n; i += lanes) round_lanes(xsimd::batch<float>::load_unaligned(from + i), to + i);
  for (; i < n; ++i) to[i] = bfloat16(from[i]);
}

/// to[i] = the pair of first[i] and second[i].
inline void pair_numbers(std::size_t n, const float* first, const float* second, bfloat16_pair* to) {
  std::size_t i = 0;
#ifdef __AVX512BF16__
  alignas(64) static constexpr std::uint16_t turns[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                          8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i in_turn = _mm512_load_si512(turns);
  for (; i + 16 <= n; i += 16) {
    const auto both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(second + i), _mm512_loadu_ps(first + i));
    _mm512_storeu_si512(to + i, _mm512_permutexvar_epi16(in_turn, __builtin_bit_cast(__m512i, both)));
  }
#endif
  for (; i < n; ++i)
    to[i] = bfloat16(first[i]).bits | std::uint32_t{bfloat16(second[i]).bits} << 16;
}

/// Calls give(column, row, vector) with the columns of a matrix (rows, columns), at most 16 rows, as vectors of
/// numbers from `row` on, zeros below the last. Nothing from `end` on is read.
template <class Give>
void for_each_column(const float* from, std::size_t pitch, std::size_t rows, std::size_t columns, const float* end,
                     const Give& give) {
  constexpr std::size_t n = lanes<float>;
  for (std::size_t column = 0; column < columns; column += n)
    for (std::size_t row = 0; row < tile_side; row += n) {
      const float* at = from + row * pitch + column;
      std::size_t at_pitch = pitch;
      alignas(64) float copy[n * n];
      if (row + n > rows || static_cast<std::size_t>(end - from) < (row + n - 1) * pitch + column + n) {
        std::fill_n(copy, n * n, 0.0f);
        for (std::size_t i = 0; i < n && row + i < rows; ++i)
          std::copy_n(at + i * pitch, std::min(n, columns - column), copy + i * n);
        at = copy;
        at_pitch = n;
      }
      block<float> x;
      for (std::size_t i = 0; i < n; ++i) x[i] = xsimd::batch<float>::load_unaligned(at + i * at_pitch);
      transpose<float>(x);
      for (std::size_t j = 0; j < std::min(n, columns - column); ++j) give(column + j, row, x[j]);
    }
}

}  // namespace lift::detail
