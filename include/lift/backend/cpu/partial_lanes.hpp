// SPDX-License-Identifier: MIT
#pragma once

// Vectors of which only the first lanes are there.

#include <cstddef>
#include <type_traits>

#include <lift/backend/cpu/simd_lanes.hpp>

namespace lift::detail {

/// Calls body(i, n) for numbers [i, i + n) of `count`, a vector of T at a time; n is a constant but
/// perhaps for the last.
template <class T, class Body>
void for_each_lanes(std::size_t count, const Body& body) {
  constexpr std::integral_constant<std::size_t, simd_lanes<T>::size> all;
  std::size_t i = 0;
  for (; i + all <= count; i += all) body(i, all);
  if (i < count) body(i, count - i);
}

/// The first `count` lanes, the others zeros; no more is read.
template <class T>
simd_lanes<T> load_lanes(const T* from, std::size_t count) {
  if (count == simd_lanes<T>::size) return load_lanes(from);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  if constexpr (std::is_same_v<T, bfloat16>) {
    const auto mask = static_cast<__mmask16>((1u << count) - 1);
    const __m256i halves = _mm256_maskz_loadu_epi16(mask, from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
#endif
  alignas(64) accumulator_t<T> numbers[simd_lanes<T>::size] = {};
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<accumulator_t<T>>(from[i]);
  return simd_lanes<T>::load_aligned(numbers);
}

/// Stores the first `count` lanes.
template <class T>
void store_lanes(const simd_lanes<T>& numbers, T* to, std::size_t count) {
  if (count == simd_lanes<T>::size) return store_lanes(numbers, to);
#if defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__AVX512VL__)
  if constexpr (std::is_same_v<T, bfloat16>) {
    const auto mask = static_cast<__mmask16>((1u << count) - 1);
    _mm256_mask_storeu_epi16(to, mask, __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(numbers)));
    return;
  }
#endif
  alignas(64) accumulator_t<T> stored[simd_lanes<T>::size];
  numbers.store_aligned(stored);
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(stored[i]);
}

}  // namespace lift::detail
