// SPDX-License-Identifier: MIT
#pragma once

#include <xsimd/xsimd.hpp>

namespace lift::detail {

/// 2^x of x ≤ 0 within 2·10⁻⁴ of it, less than what bfloat16 rounds; 0 below −126.
inline xsimd::batch<float> rough_exp2(const xsimd::batch<float>& x) {
  using batch = xsimd::batch<float>;
  const batch least(-126.0f), whole = xsimd::floor(xsimd::max(x, least));
  const batch part = x - whole;  // in [0, 1): a polynomial that is 1 and 2 at the ends
  const batch mantissa = xsimd::fma(
      xsimd::fma(xsimd::fma(batch(0.0790208f), part, batch(0.2241267f)), part, batch(0.6968525f)),
      part, batch(1.0f));
  const auto power = __builtin_bit_cast(batch, (xsimd::to_int(whole) + 127) << 23);
  return xsimd::select(x < least, batch(0.0f), mantissa * power);
}

}  // namespace lift::detail
