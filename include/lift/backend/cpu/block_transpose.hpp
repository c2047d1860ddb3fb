// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <xsimd/xsimd.hpp>

namespace lift::detail {

template <class T>
inline constexpr std::size_t lanes = xsimd::batch<T>::size;

/// As many vectors as a vector has lanes: a square block of numbers, one vector for each row.
template <class T>
using block = std::array<xsimd::batch<T>, lanes<T>>;

/// The lower (Half = 0) or upper halves of two vectors, lane by lane in turn.
template <std::size_t Half, class T, std::size_t... I>
xsimd::batch<T> interleave(const xsimd::batch<T>& a, const xsimd::batch<T>& b,
                           std::index_sequence<I...>) {
  constexpr std::size_t n = sizeof...(I);
#ifdef __clang__
  return __builtin_shufflevector(a.data, b.data, (Half * n / 2 + I / 2 + I % 2 * n)...);
#else  // nvcc does not hand the other one on to g++
  using index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using indices [[gnu::vector_size(sizeof(a.data))]] = index;
  return __builtin_shuffle(a.data, b.data, indices{index(Half * n / 2 + I / 2 + I % 2 * n)...});
#endif
}

/// Transposes a block: as many rounds of a perfect shuffle of its rows as log₂ of its side.
template <class T>
void transpose(block<T>& rows) {
  constexpr std::size_t n = lanes<T>;
  constexpr auto index = std::make_index_sequence<n>{};
#pragma GCC unroll 8
  for (std::size_t round = 1; round < n; round *= 2) {
    block<T> next;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < n / 2; ++i) {
      next[2 * i] = interleave<0>(rows[i], rows[i + n / 2], index);
      next[2 * i + 1] = interleave<1>(rows[i], rows[i + n / 2], index);
    }
    rows = next;
  }
}

/// to (columns, rows) = the transpose of from (rows, columns), row-major with the given pitches.
template <class T>
void transpose_matrix(std::size_t rows, std::size_t columns, const T* from, std::size_t from_pitch,
                      T* to, std::size_t to_pitch) {
  constexpr std::size_t n = lanes<T>;
  const auto copy = [&](std::size_t r, std::size_t r_end, std::size_t c, std::size_t c_end) {
    for (; r < r_end; ++r)
      for (std::size_t j = c; j < c_end; ++j) to[j * to_pitch + r] = from[r * from_pitch + j];
  };
  const std::size_t whole_rows = rows / n * n, whole_columns = columns / n * n;
  for (std::size_t r = 0; r < whole_rows; r += n)
    for (std::size_t c = 0; c < whole_columns; c += n) {
      block<T> x;
      for (std::size_t i = 0; i < n; ++i)
        x[i] = xsimd::batch<T>::load_unaligned(from + (r + i) * from_pitch + c);
      transpose<T>(x);
      for (std::size_t i = 0; i < n; ++i) x[i].store_unaligned(to + (c + i) * to_pitch + r);
    }
  copy(0, whole_rows, whole_columns, columns);
  copy(whole_rows, rows, 0, columns);
}

}  // namespace lift::detail
