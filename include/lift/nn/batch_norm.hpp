// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

#include <lift/ad/apply.hpp>
#include <lift/op/conv2d.hpp>

namespace lift::nn {

/// Batch normalisation as it is once trained (Ioffe & Szegedy 2015): y = γ_c·(x − μ_c)/√(σ²_c + ε) + β_c
/// for each channel c. An empty γ is 1 and an empty β 0.
template <class Tensor>
struct batch_norm_parameters {
  Tensor gamma, beta, mean, variance;  // (C) each
  double epsilon = 1e-5;
};

/// A weight (O, …) and a bias (O) of a convolution.
template <class Tensor>
struct affine_parameters {
  Tensor weight, bias;
};

/// The convolution that is one followed by a batch normalisation: A_o ← s_o·A_o,
/// b_o ← s_o·(b_o − μ_o) + β_o with s = γ/√(σ² + ε), in double on the host and then rounded. An empty
/// bias is 0. Throws lift::error where shapes do not fit or a variance + ε is not above 0.
template <class Tensor>
affine_parameters<Tensor> fold_batch_norm(const Tensor& weight, const Tensor& bias,
                                          const batch_norm_parameters<Tensor>& norm) {
  using T = typename Tensor::value_type;
  const shape channels{weight.shape()[0]};
  const auto numbers = [&](const char* what, const Tensor& x, T if_empty) {
    require(x.empty() || x.shape() == channels, text("batch_norm: shape of the ", what), x.shape(),
            channels);
    return x.empty() ? std::vector<T>(channels[0], if_empty) : x.to_host();
  };
  require(!norm.mean.empty() && !norm.variance.empty(), "batch_norm: mean and variance", "none",
          channels);
  const std::vector<T> gamma = numbers("scale", norm.gamma, 1), beta = numbers("offset", norm.beta, 0),
                       mean = numbers("mean", norm.mean, 0),
                       variance = numbers("variance", norm.variance, 1);
  std::vector<T> a = weight.to_host(), b = numbers("bias", bias, 0);
  const std::size_t row = a.size() / channels[0];
  for (std::size_t o = 0; o < channels[0]; ++o) {
    const double square = static_cast<double>(variance[o]) + norm.epsilon;
    require(square > 0, text("batch_norm: variance of channel ", o, " + epsilon"), square,
            "above 0");
    const double s = gamma[o] / std::sqrt(square);
    for (std::size_t i = o * row; i < (o + 1) * row; ++i) a[i] = static_cast<T>(s * a[i]);
    b[o] = static_cast<T>(s * (static_cast<double>(b[o]) - mean[o]) + beta[o]);
  }
  return {Tensor(weight.shape(), a), Tensor(channels, b)};
}

/// A batch normalisation that follows no convolution: one of 1×1 pixels, x (B, C, H, W) → the same.
template <class X, class Tensor>
auto batch_norm(const X& x, const batch_norm_parameters<Tensor>& norm) {
  const std::size_t channels = norm.mean.size();
  std::vector<typename Tensor::value_type> one(channels * channels, 0);
  for (std::size_t c = 0; c < channels; ++c) one[c * (channels + 1)] = 1;
  const auto folded = fold_batch_norm(Tensor({channels, channels, 1, 1}, one), Tensor(), norm);
  if constexpr (std::is_same_v<X, shape>)
    return apply(op::conv2d(), x, folded.weight.shape(), folded.bias.shape());
  else
    return apply(op::conv2d(), x, folded.weight, folded.bias);
}

}  // namespace lift::nn
