// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/metric/image_batch_view.hpp>

namespace lift {

namespace detail {

/// Weights of a window of 11 pixels, a Gaussian of σ = 1.5 of sum 1.
inline std::array<double, 11> similarity_window() {
  std::array<double, 11> w;
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double x = static_cast<double>(i) - 5;
    sum += w[i] = std::exp(-x * x / (2 * 1.5 * 1.5));
  }
  for (double& x : w) x /= sum;
  return w;
}

/// Weighted means of a plane over all windows of 11×11 pixels that lie within it.
inline std::vector<double> window_means(const std::vector<double>& plane, std::size_t height,
                                        std::size_t width) {
  static const std::array<double, 11> w = similarity_window();
  const std::size_t rows = height - 10, columns = width - 10;
  std::vector<double> across(height * columns, 0), means(rows * columns, 0);
  for (std::size_t i = 0; i < height; ++i)
    for (std::size_t k = 0; k < w.size(); ++k)
      for (std::size_t j = 0; j < columns; ++j)
        across[i * columns + j] += w[k] * plane[i * width + j + k];
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t k = 0; k < w.size(); ++k)
      for (std::size_t j = 0; j < columns; ++j)
        means[i * columns + j] += w[k] * across[(i + k) * columns + j];
  return means;
}

inline double plane_similarity(std::span<const float> a, std::span<const float> b,
                               std::size_t height, std::size_t width) {
  std::vector<double> x(a.size()), y(a.size()), xx(a.size()), yy(a.size()), xy(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    x[i] = (a[i] + 1.0) / 2;
    y[i] = (b[i] + 1.0) / 2;
    xx[i] = x[i] * x[i];
    yy[i] = y[i] * y[i];
    xy[i] = x[i] * y[i];
  }
  const auto mean = [&](const std::vector<double>& plane) { return window_means(plane, height, width); };
  const auto mx = mean(x), my = mean(y), mxx = mean(xx), myy = mean(yy), mxy = mean(xy);
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  double total = 0;
  for (std::size_t i = 0; i < mx.size(); ++i) {
    const double square = mx[i] * mx[i] + my[i] * my[i], product = mx[i] * my[i];
    const double variances = mxx[i] + myy[i] - square, covariance = mxy[i] - product;
    total += (2 * product + c1) * (2 * covariance + c2) / ((square + c1) * (variances + c2));
  }
  return total / static_cast<double>(mx.size());
}

}  // namespace detail

/// The structural similarity (Wang et al. 2004) of image k of two batches (B, C, H, W) in [−1, 1]:
/// windows of 11×11 pixels weighted by a Gaussian of σ = 1.5, K₁ = 0.01, K₂ = 0.03, values seen in
/// [0, 1], the mean over windows that lie within the image and over channels. Throws lift::error
/// where the batches differ in shape or a side is below 11 pixels.
inline std::vector<double> structural_similarity(const image_batch_view& a,
                                                 const image_batch_view& b) {
  require(a.extents() == b.extents(), "images to compare by structural similarity", b.extents(),
          a.extents());
  require(a.channels > 0 && std::min(a.height, a.width) >= 11,
          "smaller side of images to compare by structural similarity", std::min(a.height, a.width),
          "at least 11");
  const std::size_t area = a.height * a.width;
  const image_batch_view x = a.part(0, a.count), y = b.part(0, b.count);
  std::vector<double> result(a.count, 0);
  for (std::size_t k = 0; k < a.count * a.channels; ++k)
    result[k / a.channels] +=
        detail::plane_similarity(x.values.subspan(k * area, area), y.values.subspan(k * area, area),
                                 a.height, a.width) /
        static_cast<double>(a.channels);
  return result;
}

}  // namespace lift
