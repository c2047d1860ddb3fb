// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include <lift/core/error.hpp>

namespace lift {

/// The power S(k) of every frequency of a stationary random field on an n×n torus: the variance of the
/// coefficients of its unitary discrete Fourier transform. S(−k) = S(k) where the field is real.
struct power_spectrum {
  std::size_t size;           ///< n
  std::vector<double> power;  ///< n×n, the frequency along the rows first, 0 … n − 1

  double at(std::size_t row, std::size_t column) const { return power[row * size + column]; }
  /// The variance of a pixel times the number of pixels.
  double total() const {
    double sum = 0;
    for (const double s : power) sum += s;
    return sum;
  }
};

/// S(k) ∝ (|k|² + 1)^(−β/2), |k| up to n/2 along each axis, scaled to the given variance of a pixel:
/// β is 2 to 3 for photographs. Throws lift::error unless n and the variance are positive.
inline power_spectrum power_law_spectrum(std::size_t size, double exponent, double variance = 0.25) {
  require(size >= 1, "side of a power spectrum", size, "at least 1");
  require(variance > 0 && std::isfinite(variance), "variance of a pixel", variance,
          "a positive number");
  const auto squared = [&](std::size_t k) {
    const auto frequency = static_cast<double>(k <= size / 2 ? k : size - k);
    return frequency * frequency;
  };
  power_spectrum spectrum{size, std::vector<double>(size * size)};
  for (std::size_t k = 0; k < spectrum.power.size(); ++k)
    spectrum.power[k] = std::pow(squared(k / size) + squared(k % size) + 1, -exponent / 2);
  const double scale = variance * static_cast<double>(spectrum.power.size()) / spectrum.total();
  for (double& s : spectrum.power) s *= scale;
  return spectrum;
}

/// The power spectrum of images, estimated from planes of n×n pixels, rows first: the mean of the squared
/// Fourier coefficients, less the square of their mean, which is that of the mean image.
class spectrum_estimate {
 public:
  /// Throws lift::error for no pixels.
  explicit spectrum_estimate(std::size_t size)
      : size_(size), squares_(size * size), sums_(size * size), turns_(size) {
    require(size >= 1, "side of a power spectrum", size, "at least 1");
    for (std::size_t k = 0; k < size; ++k)
      turns_[k] = std::polar(1 / std::sqrt(static_cast<double>(size)),
                             -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(size));
  }

  /// Throws lift::error unless there are n×n pixels.
  void add(std::span<const float> plane) {
    require(plane.size() == size_ * size_, "pixels of a plane", plane.size(), size_ * size_);
    std::vector<number> pixels(plane.begin(), plane.end());
    const std::vector<number> coefficients = transformed(transformed(pixels));
    for (std::size_t k = 0; k < coefficients.size(); ++k) {
      squares_[k] += std::norm(coefficients[k]);
      sums_[k] += coefficients[k];
    }
    ++count_;
  }

  /// Throws lift::error for fewer than two planes, and where a frequency has no power.
  power_spectrum result() const {
    require(count_ >= 2, "planes to estimate a power spectrum of", count_, "at least 2");
    power_spectrum spectrum{size_, {}};
    const auto n = static_cast<double>(count_);
    for (std::size_t k = 0; k < squares_.size(); ++k) {
      spectrum.power.push_back((squares_[k] - std::norm(sums_[k]) / n) / (n - 1));
      require(spectrum.power[k] > 0 && std::isfinite(spectrum.power[k]),
              text("power of frequency (", k / size_, ", ", k % size_, ")"), spectrum.power[k],
              "a positive number");
    }
    return spectrum;
  }

 private:
  using number = std::complex<double>;

  /// The transform along the rows, laid down along the columns.
  std::vector<number> transformed(const std::vector<number>& x) const {
    std::vector<number> y(x.size());
    for (std::size_t row = 0; row < size_; ++row)
      for (std::size_t k = 0; k < size_; ++k)
        for (std::size_t i = 0; i < size_; ++i)
          y[k * size_ + row] += turns_[k * i % size_] * x[row * size_ + i];
    return y;
  }

  std::size_t size_, count_ = 0;
  std::vector<double> squares_;
  std::vector<number> sums_, turns_;
};

}  // namespace lift
