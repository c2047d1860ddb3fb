// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <lift/core/config.hpp>

namespace lift {

/// The upper half of a float32: 8 bits of exponent and 7 of fraction.
struct bfloat16 {
  std::uint16_t bits;

  bfloat16() = default;
  /// The nearest, of two the even one; NaN stays NaN.
  LIFT_HD explicit bfloat16(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
#else
    const auto whole = __builtin_bit_cast(std::uint32_t, x);
    const std::uint32_t nearest = whole + 0x7fffu + (whole >> 16 & 1u);
    bits = static_cast<std::uint16_t>((x == x ? nearest : whole | 0x400000u) >> 16);
#endif
  }
  LIFT_HD operator float() const {
    return __builtin_bit_cast(float, std::uint32_t{bits} << 16);
  }
};

}  // namespace lift
