// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

#include <lift/ad/dual.hpp>
#include <lift/nn/time_embedding.hpp>
#include <lift/pyramid/scales.hpp>

namespace lift {

/// Anything callable on (x_fine, x_coarse, t_fine, t_coarse) that returns a prediction for each
/// scale, {fine, coarse}, of the shapes of its inputs. What it predicts (noise, x̂ or v) is told
/// apart, by a prediction policy.
template <class D, class Tensor>
concept denoiser = requires(const D& d, const Tensor& x, const timesteps& t) {
  { d(x, x, t, t).fine } -> std::convertible_to<Tensor>;
  { d(x, x, t, t).coarse } -> std::convertible_to<Tensor>;
};

/// A denoiser that also takes duals, so that its Jacobian-vector products are exact.
template <class D, class Tensor>
concept differentiable_denoiser =
    denoiser<D, Tensor> && requires(const D& d, const dual_of<Tensor>& x, const timesteps& t) {
      { d(x, x, t, t).fine } -> std::convertible_to<dual_of<Tensor>>;
      { d(x, x, t, t).coarse } -> std::convertible_to<dual_of<Tensor>>;
    };

/// Anything callable on (x, t) that returns a prediction of the shape of x: the single-scale
/// counterpart of `denoiser`.
template <class D, class Tensor>
concept single_scale_denoiser = requires(const D& d, const Tensor& x, const timesteps& t) {
  { d(x, t) } -> std::convertible_to<Tensor>;
};

}  // namespace lift
