// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace lift {

/// How one pixel of a resampled row is made: the weights of the pixels of the row from `first` on.
template <class Weight>
struct resample_taps {
  std::size_t first = 0;
  std::vector<Weight> weights;
};

/// Some neighbouring pixels of a row or column.
struct pixel_range {
  std::size_t first = 0, count = 0;
};

/// Bilinear interpolation's weight of a pixel at a distance, in pixels.
struct triangle_filter {
  static constexpr double reach = 1;
  double operator()(double distance) const { return std::max(1.0 - std::abs(distance), 0.0); }
};

/// Bicubic interpolation's (Keys 1981, a = −½).
struct cubic_filter {
  static constexpr double reach = 2;
  double operator()(double distance) const {
    constexpr double a = -0.5;
    const double x = std::abs(distance);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < reach ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
  }
};

/// The taps with which Pillow resamples `from` pixels to `to`, for the `wanted` ones of these: where
/// pixels become fewer the filter is as much wider, which is what antialiasing means; weights are
/// normalised in double (Pillow, src/libImaging/Resample.c).
template <class Filter>
std::vector<resample_taps<double>> antialiased_taps(const Filter& filter, std::size_t from,
                                                    std::size_t to, pixel_range wanted) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double width = std::max(scale, 1.0), support = Filter::reach * width;
  std::vector<resample_taps<double>> taps(wanted.count);
  for (std::size_t i = 0; i < wanted.count; ++i) {
    const double centre = (static_cast<double>(wanted.first + i) + 0.5) * scale;
    const auto first = static_cast<std::size_t>(std::max(centre - support + 0.5, 0.0));
    const auto last = std::min(static_cast<std::size_t>(centre + support + 0.5), from);
    double sum = 0;
    taps[i].first = first;
    for (std::size_t j = first; j < last; ++j) {
      // Pillow multiplies by the reciprocal; a division would round differently.
      const double distance = (static_cast<double>(j) - centre + 0.5) * (1.0 / width);
      sum += taps[i].weights.emplace_back(filter(distance));
    }
    for (double& weight : taps[i].weights) weight /= sum;
  }
  return taps;
}

/// The taps of bilinear interpolation between the two nearest pixels, however many become one: as
/// torch.nn.functional.interpolate(mode = "bilinear", align_corners = False, antialias = False).
inline std::vector<resample_taps<double>> interpolation_taps(std::size_t from, std::size_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  std::vector<resample_taps<double>> taps(to);
  for (std::size_t i = 0; i < to; ++i) {
    const double at = std::max((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0);
    const auto first = std::min(static_cast<std::size_t>(at), from - 1);
    const double share = at - static_cast<double>(first);
    taps[i] = first + 1 < from ? resample_taps<double>{first, {1 - share, share}}
                               : resample_taps<double>{first, {1}};
  }
  return taps;
}

}  // namespace lift
