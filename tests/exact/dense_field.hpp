// SPDX-License-Identifier: MIT
#pragma once

// A stationary field as one block of all its pixels: plain linear algebra, which knows no frequencies.

#include <cmath>
#include <cstddef>
#include <numbers>

#include <lift/exact/gaussian_image.hpp>

namespace lift::test {

/// The means of 2×2 pixels of an image of side n.
inline Eigen::MatrixXd means(std::size_t n) {
  const auto half = static_cast<Eigen::Index>(n / 2);
  Eigen::MatrixXd d = Eigen::MatrixXd::Zero(half * half, 4 * half * half);
  for (Eigen::Index i = 0; i < 2 * half; ++i)
    for (Eigen::Index j = 0; j < 2 * half; ++j) d(i / 2 * half + j / 2, i * 2 * half + j) = 0.25;
  return d;
}

/// What is orthonormal to the means of 2×2 pixels: a column pair, a row pair, and both.
inline Eigen::MatrixXd details(std::size_t n) {
  const auto half = static_cast<Eigen::Index>(n / 2), count = half * half;
  Eigen::MatrixXd d = Eigen::MatrixXd::Zero(3 * count, 4 * count);
  for (Eigen::Index i = 0; i < 2 * half; ++i)
    for (Eigen::Index j = 0; j < 2 * half; ++j) {
      const Eigen::Index to = i / 2 * half + j / 2, from = i * 2 * half + j;
      const double row = i % 2 ? -0.5 : 0.5, column = j % 2 ? -1 : 1;
      d(to, from) = 0.5 * column;
      d(count + to, from) = row;
      d(2 * count + to, from) = row * column;
    }
  return d;
}

inline Eigen::MatrixXd pixel_covariance(const power_spectrum& spectrum) {
  const std::size_t n = spectrum.size, pixels = n * n;
  const auto cosine = [&](std::size_t turn) {
    return std::cos(2 * std::numbers::pi * static_cast<double>(turn % n) / static_cast<double>(n));
  };
  Eigen::MatrixXd k(pixels, pixels);
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t q = 0; q < pixels; ++q) {
      double sum = 0;
      for (std::size_t f = 0; f < pixels; ++f)
        sum += spectrum.power[f] *
               cosine(f / n * (p / n + n - q / n) + f % n * (p % n + n - q % n));
      k(static_cast<Eigen::Index>(p), static_cast<Eigen::Index>(q)) =
          sum / static_cast<double>(pixels);
    }
  return k;
}

template <std::size_t N>
gaussian_image<N> dense_copies(const power_spectrum& spectrum) {
  const Eigen::MatrixXd k = pixel_covariance(spectrum);
  scales<Eigen::MatrixXd, N> views{Eigen::MatrixXd::Identity(k.rows(), k.rows())};
  Eigen::Index seen = k.rows();
  std::size_t n = spectrum.size;
  for (std::size_t s = 1; s < N; ++s, n /= 2) {
    views[s] = means(n) * views[s - 1];
    seen += views[s].rows();
  }
  return {{{1, k, views, Eigen::MatrixXd::Identity(k.rows(), seen)}}};
}

template <std::size_t N>
gaussian_image<N> dense_haar(const power_spectrum& spectrum) {
  const Eigen::MatrixXd k = pixel_covariance(spectrum);
  scales<Eigen::MatrixXd, N> views;
  Eigen::MatrixXd rest = Eigen::MatrixXd::Identity(k.rows(), k.rows()), join(k.rows(), k.rows());
  Eigen::Index seen = 0;
  std::size_t n = spectrum.size;
  for (std::size_t s = 0; s < N; ++s, n /= 2) {
    views[s] = s + 1 < N ? Eigen::MatrixXd(details(n) * rest) : rest;
    if (s + 1 < N) rest = Eigen::MatrixXd(2 * means(n) * rest);
    join.middleCols(seen, views[s].rows()) = views[s].transpose();
    seen += views[s].rows();
  }
  return {{{1, k, views, join}}};
}

}  // namespace lift::test
