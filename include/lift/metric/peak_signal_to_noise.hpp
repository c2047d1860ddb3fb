// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <lift/core/error.hpp>

namespace lift {

/// The peak signal-to-noise ratio of two images in [−1, 1], 10·log₁₀(4/mse) in dB; infinite for equal
/// ones. Throws lift::error where they differ in size or have no pixel.
inline double peak_signal_to_noise(std::span<const float> a, std::span<const float> b) {
  require(!a.empty() && a.size() == b.size(), "values of an image to compare", b.size(),
          a.empty() ? 1 : a.size());
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - b[i];
    squares += d * d;
  }
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(4 * static_cast<double>(a.size()) / squares);
}

}  // namespace lift
