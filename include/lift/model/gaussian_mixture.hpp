// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

#include <lift/model/model.hpp>
#include <lift/op/add.hpp>
#include <lift/op/linear.hpp>
#include <lift/op/softmax.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/pyramid/haar_shares.hpp>
#include <lift/pyramid/transposed_split.hpp>
#include <lift/schedule/snr.hpp>

namespace lift {

/// The exact denoiser of a mixture of Gaussians: an image is one of K mean images μ_k, with probability
/// π_k, plus white noise of variance τ²; its scales, of any number, are H_s·x₀ by a linear pyramid. Of the
/// images of a data set it is the best denoiser of that data set (τ = 0), or of a smoothed one.
///
/// With b = Σ_s (α_s/σ_s²)·H_sᵀx_s, α = √ᾱ, σ² = 1 − ᾱ, G = Σ_s γ_s·H_sᵀH_s and Q = (I + τ²G)⁻¹:
/// x̂₀ = Q·(τ²b + Σ_k r_k·μ_k), r = softmax of log π_k + μ_kᵀQb − ½·μ_kᵀQGμ_k, and x̂_s = H_s·x̂₀. G is a number
/// on each of Haar's bands (see haar_shares), as copies and orthonormal parts have it, so Q is Σ_s c_s·H_sᵀH_s
/// for some c. All of it is computed in double, as sums of scales whose γ are far apart cancel. It takes one
/// timestep for all images or one for each, with ᾱ < 1.
template <backend Backend, noise_schedule Schedule, class Pyramid = copies>
class gaussian_mixture {
 public:
  /// `means` (K, C, H, W); `weights` are the π_k up to a factor, equal if there are none. Throws lift::error
  /// unless the variance τ² is at least 0 and the weights are K positive numbers.
  template <class T>
  gaussian_mixture(Schedule schedule, const tensor<Backend, T>& means, double variance = 0,
                   const std::vector<double>& weights = {}, Pyramid pyramid = {})
      : schedule_(std::move(schedule)),
        pyramid_(std::move(pyramid)),
        variance_(variance),
        means_(stored_as<double>(means)) {
    const shape s = means.shape();
    require(s.rank() == 4 && s.size() > 0, "means of a Gaussian mixture", s, "(K, C, H, W)");
    require(variance >= 0 && std::isfinite(variance), "variance of a Gaussian mixture", variance,
            "a finite number from 0");
    require(weights.empty() || weights.size() == s[0], "weights of a Gaussian mixture", weights.size(),
            text("one for each of ", s[0], " means"));
    log_weights_.assign(s[0], 0);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      require(weights[k] > 0 && std::isfinite(weights[k]), "weight of a Gaussian mixture", weights[k],
              "a positive number");
      log_weights_[k] = std::log(weights[k]);
    }
    const std::size_t pixels = s.size() / s[0];
    const std::vector<double> rows = means_.to_host();
    std::vector<double> columns(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) columns[i % pixels * s[0] + i / pixels] = rows[i];
    transposed_means_ = numbers({pixels, s[0]}, columns);
    // Of every mean the energy of what is even on squares of 2ʲ pixels, for all j that the sides allow.
    numbers copy = means_;
    for (double area = 1;; area *= 4) {
      numbers squares(shape{s[0]});
      Backend::reduce(sum{}, 1, s[0], copy.size() / s[0], squares.mutable_data(), kernel::square{}, each(copy));
      even_energies_.push_back(scaled(squares, area).to_host());
      if (copy.shape()[2] % 2 != 0 || copy.shape()[3] % 2 != 0) break;
      copy = coarsen(copy);
    }
  }

  template <value X, std::size_t N>
    requires std::same_as<typename detail::tensor_of<X>::backend_type, Backend>
  scales<X, N> operator()(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    const posterior<N> at = posterior_at(x, t);
    const auto told = filtered_signal(at, x);
    const auto mean = apply(op::linear{}, shares_of(at, told), transposed_means_,
                            zeros<numbers>({transposed_means_.shape()[0]}));
    const auto clean = combined({{1, variance_}}, filtered(at, reshaped(mean, shape_of(told))), told);
    const auto parts = pyramid_.template split<N>(clean);
    return make_scales<N>([&](std::size_t s) {
      return stored_as<typename detail::tensor_of<X>::value_type>(parts[s]);
    });
  }

  /// r (B, K): how likely each component is, given the scales.
  template <value X, std::size_t N>
    requires std::same_as<typename detail::tensor_of<X>::backend_type, Backend>
  auto responsibilities(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    const posterior<N> at = posterior_at(x, t);
    return shares_of(at, filtered_signal(at, x));
  }

 private:
  using numbers = tensor<Backend, double>;

  /// What depends on the noise levels alone, for each image or for all.
  template <std::size_t N>
  struct posterior {
    scales<std::vector<combination>, N> signal;  // α_s/σ_s²
    scales<std::vector<combination>, N> filter;  // c_s of Q
    std::vector<double> logits;                  // (levels, K): log π_k − ½·μ_kᵀQGμ_k
  };

  template <class X, std::size_t N>
  posterior<N> posterior_at(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    static_assert(is_pyramid<Pyramid, X, N>());
    const shape& means = means_.shape();
    const shape image = pyramid_.join(make_scales<N>([&](std::size_t s) { return shape_of(x[s]); }));
    shape want = means;
    want[0] = image[0];
    require(image == want, "Gaussian mixture: image", image, want);
    require(N <= even_energies_.size(), "Gaussian mixture: scales", N,
            text("at most ", even_energies_.size(), ", by the size of the image"));
    const auto shares = haar_shares<N, Backend>(pyramid_);

    scales<std::vector<double>, N> levels;
    std::size_t count = 1;
    for (std::size_t s = 0; s < N; ++s) {
      levels[s] = alpha_bars(schedule_, t[s]);
      require(levels[s].size() == 1 || levels[s].size() == image[0], "Gaussian mixture: number of timesteps",
              levels[s].size(), text("1 or ", image[0]));
      for (const double a : levels[s]) require(a < 1, "Gaussian mixture: ᾱ", a, "below 1");
      count = std::max(count, levels[s].size());
    }
    posterior<N> at;
    for (std::size_t i = 0; i < count; ++i) {
      scales<double, N> g{}, q, c;
      for (std::size_t s = 0; s < N; ++s) {
        const double a = levels[s][levels[s].size() == 1 ? 0 : i];
        at.signal[s].push_back({std::sqrt(a) / (1 - a), 0});
        for (std::size_t j = 0; j < N; ++j) g[j] += snr_from_alpha_bar(a) * shares[s][j];
      }
      for (std::size_t j = 0; j < N; ++j) {
        c[j] = q[j] = 1 / (1 + variance_ * g[j]);
        for (std::size_t s = 0; s < j; ++s) c[j] -= c[s] * shares[s][j];
        c[j] /= shares[j][j];
        at.filter[j].push_back({c[j], 0});
      }
      for (std::size_t k = 0; k < means[0]; ++k) {
        double logit = log_weights_[k];
        for (std::size_t j = 0; j < N; ++j) {
          const double finer = j + 1 < N ? even_energies_[j + 1][k] : 0;
          logit -= 0.5 * q[j] * g[j] * (even_energies_[j][k] - finer);
        }
        at.logits.push_back(logit);
      }
    }
    return at;
  }

  /// Q·b.
  template <class X, std::size_t N>
  auto filtered_signal(const posterior<N>& at, const scales<X, N>& x) const {
    return filtered(at, transposed_split(pyramid_, make_scales<N>([&](std::size_t s) {
                      const auto seen = stored_as<double>(x[s]);
                      return combined(at.signal[s], seen, seen);
                    })));
  }

  /// Q·image.
  template <class X, std::size_t N>
  X filtered(const posterior<N>& at, const X& image) const {
    const scales<X, N> parts = pyramid_.template split<N>(image);
    return transposed_split(pyramid_, make_scales<N>([&](std::size_t s) {
                              return combined(at.filter[s], parts[s], parts[s]);
                            }));
  }

  /// r, of Q·b.
  template <class X, std::size_t N>
  X shares_of(const posterior<N>& at, const X& told) const {
    const std::size_t batch = shape_of(told)[0], count = log_weights_.size();
    const std::size_t pixels = means_.size() / count;
    std::vector<double> logits;
    for (std::size_t i = 0; i < batch * count; ++i) logits.push_back(at.logits[i % at.logits.size()]);
    const X products = apply(op::linear{}, reshaped(told, {batch, pixels}), means_.reshaped({count, pixels}),
                             zeros<numbers>({count}));
    return apply(op::softmax{}, X(apply(op::add{}, products, numbers({batch, count}, logits))));
  }

  Schedule schedule_;
  Pyramid pyramid_;
  double variance_;
  numbers means_, transposed_means_;  // (K, C, H, W), (C·H·W, K)
  std::vector<double> log_weights_;
  std::vector<std::vector<double>> even_energies_;  // for each j: of each mean
};

}  // namespace lift
