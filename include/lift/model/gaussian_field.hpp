// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include <lift/model/model.hpp>
#include <lift/model/power_spectrum.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/linear.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/schedule/snr.hpp>

namespace lift {

/// The exact denoiser of a Gaussian random field: images whose every channel is a stationary field
/// on an n×n torus with power S(k) ∝ (|k|² + 1)^(−β/2), coarse image = 2×2 means.
///
/// x̂₀ = E[x₀ | x_fine, x_coarse] is linear in both. With D the 2×2 mean,
/// B = (S⁻¹ + γ_f)⁻¹ and M = γ_c·(1 + γ_c·D B Dᵀ)⁻¹, both of them convolutions on the torus:
/// b = B·(α_f/σ_f²·x_fine + α_c/σ_c²·Dᵀ x_coarse), x̂_fine = b − B Dᵀ M D b, x̂_coarse = D x̂_fine.
/// Each convolution is a dense matrix, so this is meant for small n. It takes one timestep for all
/// images, with ᾱ < 1.
template <noise_schedule Schedule>
class gaussian_field {
 public:
  /// `variance` is that of a pixel of the fine image.
  gaussian_field(Schedule schedule, std::size_t size, double exponent = 2, double variance = 0.25)
      : schedule_(std::move(schedule)),
        size_(size),
        power_(power_law_spectrum(size, exponent, variance).power) {
    require(size >= 2 && size % 2 == 0, "size of a Gaussian field", size, "an even number");
  }

  template <value X>
  scales<X> operator()(const scales<X>& x, const scales<timesteps>& t) const {
    using Tensor = detail::tensor_of<X>;
    const shape fine = x.fine().shape(), coarse = x.coarse().shape();
    const std::size_t n = size_, half = n / 2;
    require(fine.rank() == 4 && fine[2] == n && fine[3] == n, "Gaussian field: fine image", fine,
            text("(B, C, ", n, ", ", n, ")"));
    const std::size_t planes = fine[0] * fine[1];
    const double a_fine = alpha_bar(t.fine()), a_coarse = alpha_bar(t.coarse());
    const double gamma_fine = snr_from_alpha_bar(a_fine);
    const double gamma_coarse = snr_from_alpha_bar(a_coarse);

    std::vector<double> gain(n * n), coarse_gain(half * half);  // of B, and of D B Dᵀ, then of M
    for (std::size_t k = 0; k < gain.size(); ++k) {
      gain[k] = power_[k] / (1 + gamma_fine * power_[k]);
      coarse_gain[k / n % half * half + k % n % half] +=
          0.25 * response(k / n) * response(k % n) * gain[k];
    }
    for (double& g : coarse_gain) g = gamma_coarse / (1 + gamma_coarse * g);
    const Tensor b_matrix = convolution<Tensor>(gain, n);
    const Tensor m_matrix = convolution<Tensor>(coarse_gain, half);

    const combination precision{std::sqrt(a_fine) / (1 - a_fine),
                                std::sqrt(a_coarse) / (1 - a_coarse)};
    const auto sum = combined({precision}, seen_as(x.fine(), {planes, 1, n, n}),
                              transposed_mean(seen_as(x.coarse(), {planes, 1, half, half})));
    const auto b = filter(sum, b_matrix);
    const auto surplus = filter(transposed_mean(filter(coarsen(b), m_matrix)), b_matrix);
    const auto clean = combined({{1, -1}}, b, surplus);
    return scales{seen_as(clean, fine), seen_as(coarsen(clean), coarse)};
  }

 private:
  static constexpr double pi = std::numbers::pi;

  /// What the mean of two neighbours does to the power of frequency k along one axis.
  double response(std::size_t k) const {
    const double c = std::cos(pi * static_cast<double>(k) / static_cast<double>(size_));
    return c * c;
  }
  double alpha_bar(const timesteps& t) const {
    require(t.size() == 1, "Gaussian field: number of timesteps", t.size(), 1);
    const double a = alpha_bars(schedule_, t)[0];
    require(a < 1, "Gaussian field: ᾱ", a, "below 1");
    return a;
  }

  /// The n²×n² matrix that multiplies each frequency k of an n×n image by gain[k].
  template <class Tensor>
  static Tensor convolution(const std::vector<double>& gain, std::size_t n) {
    const std::size_t pixels = n * n;
    std::vector<double> kernel(pixels), cosine(n);
    for (std::size_t i = 0; i < n; ++i)
      cosine[i] = std::cos(2 * pi * static_cast<double>(i) / static_cast<double>(n)) /
                  static_cast<double>(pixels);
    for (std::size_t d = 0; d < pixels; ++d)
      for (std::size_t k = 0; k < pixels; ++k)
        kernel[d] += gain[k] * cosine[(d / n * (k / n) + d % n * (k % n)) % n];
    std::vector<typename Tensor::value_type> matrix(pixels * pixels);
    for (std::size_t p = 0; p < pixels; ++p)
      for (std::size_t q = 0; q < pixels; ++q) {
        const std::size_t d = (p / n + n - q / n) % n * n + (p % n + n - q % n) % n;
        matrix[p * pixels + q] = static_cast<typename Tensor::value_type>(kernel[d]);
      }
    return Tensor({pixels, pixels}, matrix);
  }

  template <value X>
  static auto filter(const X& x, const detail::tensor_of<X>& matrix) {
    const shape s = x.shape();
    const std::size_t pixels = matrix.shape()[0];
    return seen_as(apply(op::linear{}, seen_as(x, {s[0], pixels}), matrix,
                         zeros<detail::tensor_of<X>>({pixels})),
                   s);
  }

  /// Dᵀ x: every pixel a quarter of the coarse one it lies in.
  template <value X>
  static auto transposed_mean(const X& x) {
    using Tensor = detail::tensor_of<X>;
    using T = typename Tensor::value_type;
    return apply(op::conv_transpose2d(2), x, full<Tensor>({1, 1, 2, 2}, T(0.25)),
                 zeros<Tensor>({1}));
  }

  /// x with another shape.
  template <class B, class T>
  static tensor<B, T> seen_as(const tensor<B, T>& x, const shape& s) {
    return x.reshaped(s);
  }
  template <class B, class T>
  static dual<B, T> seen_as(const dual<B, T>& x, const shape& s) {
    shape stack = s;
    stack[0] *= x.tangent.size() / x.primal.size();
    return {x.primal.reshaped(s), x.tangent.reshaped(stack)};
  }

  Schedule schedule_;
  std::size_t size_;
  std::vector<double> power_;
};

}  // namespace lift
