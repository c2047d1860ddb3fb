// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>

#include <xsimd/xsimd.hpp>

#include <lift/tensor/storage.hpp>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace lift::detail {

/// A vector of numbers stored as T, as they are computed with.
template <class T>
using simd_lanes = xsimd::batch<accumulator_t<T>>;

template <class T>
simd_lanes<T> load_lanes(const T* from) {
  using lanes = simd_lanes<T>;
  if constexpr (is_own_accumulator<T>) {
    return lanes::load_unaligned(from);
#ifdef __AVX512F__
  } else if constexpr (std::is_same_v<T, bfloat16>) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
#endif
  } else {
    alignas(64) accumulator_t<T> numbers[lanes::size];
    for (std::size_t i = 0; i < lanes::size; ++i)
      numbers[i] = static_cast<accumulator_t<T>>(from[i]);
    return lanes::load_aligned(numbers);
  }
}

template <class T>
void store_lanes(const simd_lanes<T>& numbers, T* to) {
  if constexpr (is_own_accumulator<T>) {
    numbers.store_unaligned(to);
#ifdef __AVX512BF16__
  } else if constexpr (std::is_same_v<T, bfloat16>) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(numbers)));
#endif
  } else {
    alignas(64) accumulator_t<T> stored[simd_lanes<T>::size];
    numbers.store_aligned(stored);
    for (std::size_t i = 0; i < simd_lanes<T>::size; ++i) to[i] = static_cast<T>(stored[i]);
  }
}

}  // namespace lift::detail
