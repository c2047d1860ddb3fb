// SPDX-License-Identifier: MIT
#pragma once

// Functions of what is rounded to bfloat16, whose error is less than that of the rounding, 2·10⁻³.

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/multiply_add.hpp>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace lift::detail {

/// 2^x of x < 128 within 3·10⁻⁴ of it; 2^−126 for less than −126.
inline xsimd::batch<float> rough_exp2(const xsimd::batch<float>& x) {
  using batch = xsimd::batch<float>;
  const batch power = xsimd::max(batch(-126.0f), x), whole = xsimd::floor(power);  // NaN stays NaN
  const batch part = power - whole;  // in [0, 1): a polynomial that is 1 and 2 at the ends
  const batch mantissa = multiply_add(
      multiply_add(multiply_add(batch(0.0790208f), part, batch(0.2241267f)), part, batch(0.6968525f)),
      part, batch(1.0f));
#ifdef __AVX512F__
  return _mm512_scalef_ps(mantissa, whole);
#else
  return mantissa * __builtin_bit_cast(batch, (xsimd::to_int(whole) + 127) << 23);
#endif
}

/// 1/x of x up to 2^126 within 10⁻⁴ of it. (What processors without AVX-512 have instead of a
/// division is four times as rough, too much for the derivative of SiLU.)
inline xsimd::batch<float> rough_inverse(const xsimd::batch<float>& x) {
#ifdef __AVX512F__
  return _mm512_rcp14_ps(x);
#else
  return xsimd::batch<float>(1.0f) / x;
#endif
}

}  // namespace lift::detail
