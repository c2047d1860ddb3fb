// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <lift/model/model.hpp>
#include <lift/model/power_spectrum.hpp>
#include <lift/op/linear.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/pyramid/transposed_split.hpp>
#include <lift/schedule/snr.hpp>

namespace lift {

/// The exact denoiser of a Gaussian random field: images whose channels are independent stationary
/// fields on an n×n torus with one power spectrum and one mean μ, and their scales H_s·x₀, of any number,
/// by a linear pyramid that treats all channels alike.
///
/// x̂₀ = E[x₀ | x_0 … x_(N−1)] = P⁻¹·(K⁻¹μ + Σ_s (α_s/σ_s²)·H_sᵀx_s), α = √ᾱ, σ² = 1 − ᾱ, with the precision
/// P = K⁻¹ + Σ_s γ_s·H_sᵀH_s, and x̂_s = H_s·x̂₀. With the root R of K = R² its inverse is
/// R·(I + Σ_s γ_s·(H_sR)ᵀH_sR)⁻¹·R, dense n²×n² matrices that are made at every call: this is meant for small
/// n. All of it is computed in double, as sums of scales whose γ are far apart cancel. It takes one timestep
/// for all images, with ᾱ < 1.
template <noise_schedule Schedule, class Pyramid = copies>
class gaussian_field {
 public:
  /// Throws lift::error for a frequency without power. (S(0) is that of the mean, whatever μ is.)
  gaussian_field(Schedule schedule, const power_spectrum& spectrum, double mean = 0, Pyramid pyramid = {})
      : schedule_(std::move(schedule)),
        pyramid_(std::move(pyramid)),
        size_(spectrum.size),
        root_(root_of(spectrum)),
        mean_(mean / spectrum.at(0, 0)) {}

  /// Power S(k) ∝ (|k|² + 1)^(−β/2); `variance` is that of a pixel.
  gaussian_field(Schedule schedule, std::size_t size, double exponent = 2, double variance = 0.25)
      : gaussian_field(std::move(schedule), power_law_spectrum(size, exponent, variance)) {}

  template <value X, std::size_t N>
  scales<X, N> operator()(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    static_assert(is_pyramid<Pyramid, X, N>());
    using Tensor = detail::tensor_of<X>;
    using numbers = tensor<typename Tensor::backend_type, double>;
    const shape image = pyramid_.join(make_scales<N>([&](std::size_t s) { return shape_of(x[s]); }));
    require(image.rank() == 4 && image[2] == size_ && image[3] == size_, "Gaussian field: image", image,
            text("(B, C, ", size_, ", ", size_, ")"));
    const auto levels = make_scales<N>([&](std::size_t s) { return alpha_bar(t[s]); });
    const auto signal = transposed_split(
        pyramid_, make_scales<N>([&](std::size_t s) {
          return scaled(stored_as<double>(x[s]), std::sqrt(levels[s]) / (1 - levels[s]));
        }));

    const auto views = views_of_root<numbers, N>();
    Eigen::MatrixXd precision = Eigen::MatrixXd::Identity(root_.rows(), root_.rows());
    for (std::size_t s = 0; s < N; ++s)
      precision.selfadjointView<Eigen::Lower>().rankUpdate(views[s].transpose(), snr_from_alpha_bar(levels[s]));
    const Eigen::LLT<Eigen::MatrixXd> factor(precision);
    const Eigen::MatrixXd half = factor.matrixL().solve(root_);
    const Eigen::MatrixXd covariance = half.transpose() * half;  // P⁻¹

    const std::size_t planes = image[0] * image[1], pixels = size_ * size_;
    const auto clean = apply(op::linear{}, reshaped(signal, {planes, pixels}),
                             on_backend<numbers>({pixels, pixels}, covariance),
                             on_backend<numbers>({pixels}, mean_ * covariance.rowwise().sum()));
    const auto parts = pyramid_.template split<N>(reshaped(clean, image));
    return make_scales<N>(
        [&](std::size_t s) { return stored_as<typename Tensor::value_type>(parts[s]); });
  }

 private:
  double alpha_bar(const timesteps& t) const {
    require(t.size() == 1, "Gaussian field: number of timesteps", t.size(), 1);
    const double a = alpha_bars(schedule_, t)[0];
    require(a < 1, "Gaussian field: ᾱ", a, "below 1");
    return a;
  }

  /// R, the n²×n² matrix that multiplies every frequency k of an image by √S(k).
  static Eigen::MatrixXd root_of(const power_spectrum& spectrum) {
    const std::size_t n = spectrum.size, pixels = n * n;
    require(n >= 1 && spectrum.power.size() == pixels, "frequencies of a power spectrum", spectrum.power.size(),
            text("1 or more, ", n, "x", n));
    std::vector<double> kernel(pixels), cosine(n);
    for (std::size_t i = 0; i < n; ++i)
      cosine[i] = std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n)) /
                  static_cast<double>(pixels);
    for (std::size_t k = 0; k < pixels; ++k) {
      const double s = spectrum.power[k];
      require(s > 0 && std::isfinite(s), "power of a frequency", s, "a positive number");
      for (std::size_t d = 0; d < pixels; ++d)
        kernel[d] += std::sqrt(s) * cosine[(d / n * (k / n) + d % n * (k % n)) % n];
    }
    Eigen::MatrixXd root(pixels, pixels);
    for (std::size_t p = 0; p < pixels; ++p)
      for (std::size_t q = 0; q < pixels; ++q)
        root(static_cast<Eigen::Index>(p), static_cast<Eigen::Index>(q)) =
            kernel[(p / n + n - q / n) % n * n + (p % n + n - q % n) % n];
    return root;
  }

  /// H_s·R: what the pyramid makes of the columns of R as images of one channel.
  template <class Numbers, std::size_t N>
  scales<Eigen::MatrixXd, N> views_of_root() const {
    const std::size_t pixels = size_ * size_;
    const auto parts = pyramid_.template split<N>(on_backend<Numbers>({pixels, 1, size_, size_}, root_));
    return make_scales<N>([&](std::size_t s) -> Eigen::MatrixXd {
      return Eigen::Map<const Eigen::MatrixXd>(parts[s].to_host().data(),
                                               static_cast<Eigen::Index>(parts[s].size() / pixels),
                                               root_.cols());
    });
  }

  /// The numbers of a matrix, column by column.
  template <class Numbers>
  static Numbers on_backend(const shape& s, const Eigen::MatrixXd& x) {
    return Numbers(s, std::span<const double>(x.data(), s.size()));
  }

  Schedule schedule_;
  Pyramid pyramid_;
  std::size_t size_;
  Eigen::MatrixXd root_;
  double mean_;  // μ/S(0), a pixel of K⁻¹μ
};

}  // namespace lift
