// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <xsimd/xsimd.hpp>

#include <lift/tensor/storage.hpp>

namespace lift::detail {

/// A vector of numbers stored as T, as they are computed with.
template <class T>
using simd_lanes = xsimd::batch<accumulator_t<T>>;

template <class T>
simd_lanes<T> load_lanes(const T* from) {
  using lanes = simd_lanes<T>;
  if constexpr (is_own_accumulator<T>) {
    return lanes::load_unaligned(from);
  } else {
    alignas(64) accumulator_t<T> numbers[lanes::size];
    for (std::size_t i = 0; i < lanes::size; ++i) numbers[i] = static_cast<accumulator_t<T>>(from[i]);
    return lanes::load_aligned(numbers);
  }
}

template <class T>
void store_lanes(const simd_lanes<T>& numbers, T* to) {
  if constexpr (is_own_accumulator<T>) {
    numbers.store_unaligned(to);
  } else {
    alignas(64) accumulator_t<T> stored[simd_lanes<T>::size];
    numbers.store_aligned(stored);
    for (std::size_t i = 0; i < simd_lanes<T>::size; ++i) to[i] = static_cast<T>(stored[i]);
  }
}

}  // namespace lift::detail
