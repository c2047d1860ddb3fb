// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include <lift/core/config.hpp>

namespace lift {

/// How a level between two 8-bit values is settled: to the nearest one (sound), or to the one
/// below as the reference does, which darkens a picture by half a level on average.
enum class rounding { nearest, truncated };

/// Level 0 … 255 → [−1, 1], in float32 as torchvision's ToTensor and Normalize(0.5, 0.5).
LIFT_HD inline float from_uint8(std::uint8_t level) {
  return (static_cast<float>(level) / 255.0f - 0.5f) / 0.5f;
}

/// [−1, 1] → level 0 … 255; what lies outside is clipped, NaN becomes 0.
inline std::uint8_t to_uint8(float value, rounding how = rounding::nearest) {
  const float unit = (value + 1.0f) / 2.0f;
  const float level = (unit > 0.0f ? std::min(unit, 1.0f) : 0.0f) * 255.0f;
  return static_cast<std::uint8_t>(how == rounding::nearest ? level + 0.5f : level);
}

}  // namespace lift
