// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <lift/tensor/bfloat16.hpp>

namespace lift {

/// What numbers that are stored as T are computed and summed in: float for bfloat16, else T. A
/// number becomes its accumulator without loss, and is rounded once where it is stored again.
template <class T>
struct storage {
  using accumulator = T;
};
template <>
struct storage<bfloat16> {
  using accumulator = float;
};

template <class T>
using accumulator_t = typename storage<std::remove_const_t<T>>::accumulator;

/// Whether numbers stored as T are computed with as they are.
template <class T>
constexpr bool is_own_accumulator = std::is_same_v<accumulator_t<T>, std::remove_const_t<T>>;

/// x as it is stored, rounded by way of its accumulator.
template <class T>
LIFT_HD T rounded_to(double x) {
  return static_cast<T>(static_cast<accumulator_t<T>>(x));
}

}  // namespace lift
