// SPDX-License-Identifier: MIT
#pragma once

// A Gaussian distribution of images, of which everything about diffusion is known exactly.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <numbers>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <lift/model/power_spectrum.hpp>
#include <lift/core/error.hpp>
#include <lift/core/scales.hpp>

namespace lift {

/// A part of a Gaussian image that is independent of the rest of it: coefficients u ~ N(0, K).
template <std::size_t N>
struct gaussian_block {
  double count;                      ///< how many parts of the image are like this one
  Eigen::MatrixXd covariance;        ///< K, d×d
  scales<Eigen::MatrixXd, N> views;  ///< H_s: scale s has H_s·u of it
  Eigen::MatrixXd join;              ///< u from what all scales have, one after another, finest first

  Eigen::Index size() const { return covariance.rows(); }

  /// The precision of u when every scale is seen at an SNR γ_s: P = K⁻¹ + Σ_s γ_s·H_sᵀH_s.
  Eigen::MatrixXd precision(const scales<double, N>& snr) const {
    Eigen::MatrixXd p =
        covariance.llt().solve(Eigen::MatrixXd::Identity(covariance.rows(), covariance.cols()));
    for (std::size_t s = 0; s < N; ++s) p += snr[s] * views[s].transpose() * views[s];
    return p;
  }
};

/// A Gaussian distribution of images of one channel, seen at N scales: independent blocks.
template <std::size_t N>
struct gaussian_image {
  std::vector<gaussian_block<N>> blocks;
  scales<double, N> channels = make_scales<N>([](std::size_t) { return 1.0; });  ///< of a scale

  /// Of pixels.
  double dimension() const {
    double sum = 0;
    for (const auto& block : blocks) sum += block.count * static_cast<double>(block.size());
    return sum;
  }
  /// The variances of all pixels.
  double total_variance() const {
    double sum = 0;
    for (const auto& block : blocks) sum += block.count * block.covariance.trace();
    return sum;
  }
};

namespace detail {

// A halving maps the frequencies q and q + m of an axis of 2m pixels to the frequency q of m, and to
// one of differences. But for phases, which change no distribution of a stationary field, the
// orthonormal map is a rotation by the angle πq/2m; the 2×2 mean is half of its first row along both
// axes.
inline Eigen::Matrix2d halved_axis(double angle) {
  return Eigen::Matrix2d{{std::cos(angle), -std::sin(angle)}, {std::sin(angle), std::cos(angle)}};
}

/// The four coefficients that a halving makes of those of frequencies (q + (a·m, b·m)), b fastest:
/// the mean's, then three of details.
inline Eigen::Matrix4d halved_block(std::array<std::size_t, 2> q, std::size_t m) {
  const auto axis = [&](std::size_t k) {
    return halved_axis(std::numbers::pi * static_cast<double>(k) / static_cast<double>(2 * m));
  };
  const Eigen::Matrix2d rows = axis(q[0]), columns = axis(q[1]);
  Eigen::Matrix4d both;
  for (Eigen::Index i = 0; i < 4; ++i)
    for (Eigen::Index j = 0; j < 4; ++j) both(i, j) = rows(i / 2, j / 2) * columns(i % 2, j % 2);
  return both;
}

/// All blocks of a stationary field, one for each frequency of its coarsest scale; those that are
/// alike are counted. `make(q, m, modes)` gives the views and the join of the block of frequency q of
/// m×m, whose coefficients are those of the frequencies q + m·(a, b), a and b below n/m, b fastest.
template <std::size_t N, class Make>
gaussian_image<N> stationary_blocks(const power_spectrum& spectrum, const Make& make) {
  const std::size_t n = spectrum.size, pieces = std::size_t{1} << (N - 1);
  require(n > 0 && n % pieces == 0, "side of a power spectrum", n, text("a multiple of ", pieces));
  for (const double s : spectrum.power)
    require(s > 0 && std::isfinite(s), "power of a frequency", s, "a positive number");
  const std::size_t m = n / pieces;
  // A frequency and its negative along an axis, and both axes swapped, make blocks that are alike
  // where their powers are.
  std::map<std::tuple<std::size_t, std::size_t, std::vector<double>>, double> found;
  for (std::size_t row = 0; row < m; ++row)
    for (std::size_t column = 0; column < m; ++column) {
      const auto folded = [&](std::size_t q) { return std::min(q, (m - q) % m); };
      const bool swap = folded(row) > folded(column);
      std::vector<double> powers;
      for (std::size_t a = 0; a < pieces; ++a)
        for (std::size_t b = 0; b < pieces; ++b) {
          const auto along = [&](std::size_t q, std::size_t piece) {
            return folded(q) == q ? q + m * piece : (2 * n - (m - q) - m * piece) % n;
          };
          powers.push_back(swap ? spectrum.at(along(row, b), along(column, a))
                                : spectrum.at(along(row, a), along(column, b)));
        }
      const auto [low, high] = std::minmax({folded(row), folded(column)});
      found[{low, high, std::move(powers)}] += 1;
    }
  gaussian_image<N> image;
  for (const auto& [key, count] : found) {
    const auto& [row, column, powers] = key;
    auto [views, join] = make(std::array{row, column}, m);
    image.blocks.push_back(
        {count,
         Eigen::Map<const Eigen::VectorXd>(powers.data(), static_cast<Eigen::Index>(powers.size()))
             .asDiagonal(),
         std::move(views), std::move(join)});
  }
  return image;
}

/// What a halving makes of the coefficients of an image whose side is n, those of frequencies
/// q + m·(a, b), a and b below n/m: 4^levels columns; rows of means, b fastest, then of details.
inline std::pair<Eigen::MatrixXd, Eigen::MatrixXd> halved_modes(std::array<std::size_t, 2> q,
                                                                std::size_t m, std::size_t n) {
  const std::size_t pieces = n / m, half = pieces / 2;
  const auto count = static_cast<Eigen::Index>(half * half);
  Eigen::MatrixXd means = Eigen::MatrixXd::Zero(count, 4 * count);
  Eigen::MatrixXd details = Eigen::MatrixXd::Zero(3 * count, 4 * count);
  for (std::size_t a = 0; a < half; ++a)
    for (std::size_t b = 0; b < half; ++b) {
      const Eigen::Matrix4d block = halved_block({q[0] + m * a, q[1] + m * b}, n / 2);
      const auto row = static_cast<Eigen::Index>(a * half + b);
      for (std::size_t j = 0; j < 4; ++j) {
        const auto column =
            static_cast<Eigen::Index>((a + half * (j / 2)) * pieces + b + half * (j % 2));
        const auto from = static_cast<Eigen::Index>(j);
        means(row, column) = block(0, from);
        details.col(column).segment(3 * row, 3) = block.col(from).tail(3);
      }
    }
  return {means, details};
}

}  // namespace detail

/// A stationary field whose scales are copies: each the 2×2 means of the one before. Throws
/// lift::error unless its side is a multiple of 2^(N − 1) and all powers are positive.
template <std::size_t N>
gaussian_image<N> stationary_copies(const power_spectrum& spectrum) {
  return detail::stationary_blocks<N>(
      spectrum, [&](std::array<std::size_t, 2> q, std::size_t m) {
        std::size_t n = spectrum.size;
        const auto size = static_cast<Eigen::Index>((n / m) * (n / m));
        scales<Eigen::MatrixXd, N> views{Eigen::MatrixXd::Identity(size, size)};
        Eigen::Index seen = size;
        for (std::size_t s = 1; s < N; ++s, n /= 2) {
          views[s] = 0.5 * detail::halved_modes(q, m, n).first * views[s - 1];
          seen += views[s].rows();
        }
        return std::pair{views, Eigen::MatrixXd(Eigen::MatrixXd::Identity(size, seen))};
      });
}

/// A stationary field whose scales are orthonormal parts of it: the coarsest its means over squares
/// of 2^(N − 1) pixels, times their side, the others Haar's details of each halving. Throws as
/// stationary_copies.
template <std::size_t N>
gaussian_image<N> stationary_haar(const power_spectrum& spectrum) {
  auto image = detail::stationary_blocks<N>(
      spectrum, [&](std::array<std::size_t, 2> q, std::size_t m) {
        std::size_t n = spectrum.size;
        const auto size = static_cast<Eigen::Index>((n / m) * (n / m));
        scales<Eigen::MatrixXd, N> views;
        Eigen::MatrixXd rest = Eigen::MatrixXd::Identity(size, size), join(size, size);
        Eigen::Index seen = 0;
        for (std::size_t s = 0; s < N; ++s, n /= 2) {
          if (s + 1 < N) {
            const auto [means, details] = detail::halved_modes(q, m, n);
            views[s] = details * rest;
            rest = Eigen::MatrixXd(means * rest);
          } else {
            views[s] = rest;
          }
          join.middleCols(seen, views[s].rows()) = views[s].transpose();
          seen += views[s].rows();
        }
        return std::pair{views, join};
      });
  for (std::size_t s = 0; s + 1 < N; ++s) image.channels[s] = 3;
  return image;
}

/// What is known exactly of a Gaussian image at one SNR for each scale, of one channel.
template <std::size_t N>
struct gaussian_surface {
  /// E‖x_s − x̂_s‖², summed over the pixels of each scale.
  scales<double, N> mse;
  /// What the noisy scales tell of the image, in nats; its gradient by γ_s is mse_s/2.
  double information;
  /// ‖Cov(x_s, x_t | z)‖²_F, which is −∂mse_s/∂γ_t; times γ_t·(1 + γ_t) it is ‖∂x̂_s/∂z_t‖²_F.
  scales<scales<double, N>, N> denoised;
  /// ‖I − γ_s·Cov(x_s, x_s | z)‖²_F, and γ_s·γ_t·‖Cov(x_s, x_t | z)‖²_F for s ≠ t; times (1 + γ_t) it
  /// is ‖∂ε̂_s/∂z_t‖²_F.
  scales<scales<double, N>, N> noise;
};

/// Throws lift::error unless all SNRs are finite and at least 0.
template <std::size_t N>
gaussian_surface<N> surface_at(const gaussian_image<N>& image, const scales<double, N>& snr) {
  for (const double gamma : snr)
    require(gamma >= 0 && std::isfinite(gamma), "SNR of a Gaussian image", gamma,
            "a finite number from 0");
  gaussian_surface<N> at{};
  for (const gaussian_block<N>& block : image.blocks) {
    const Eigen::LLT<Eigen::MatrixXd> precision(block.precision(snr));
    // log det(P·K)/2
    const Eigen::LLT<Eigen::MatrixXd> prior(block.covariance);
    at.information += block.count * (precision.matrixLLT().diagonal().array().log().sum() +
                                     prior.matrixLLT().diagonal().array().log().sum());
    for (std::size_t s = 0; s < N; ++s) {
      const Eigen::MatrixXd gain = precision.solve(block.views[s].transpose());
      for (std::size_t t = 0; t < N; ++t) {
        const Eigen::MatrixXd joint = block.views[t] * gain;
        at.denoised[s][t] += block.count * joint.squaredNorm();
        if (s != t) continue;
        at.mse[s] += block.count * joint.trace();
        at.noise[s][s] +=
            block.count *
            (Eigen::MatrixXd::Identity(joint.rows(), joint.rows()) - snr[s] * joint).squaredNorm();
      }
    }
  }
  for (std::size_t s = 0; s < N; ++s)
    for (std::size_t t = 0; t < N; ++t)
      if (s != t) at.noise[s][t] = snr[s] * snr[t] * at.denoised[s][t];
  return at;
}

}  // namespace lift
