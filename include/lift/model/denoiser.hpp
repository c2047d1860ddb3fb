// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>

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

/// A denoiser that also takes duals, so that its Jacobian-vector products are exact. To ask this of
/// a generic one whose return type is deduced compiles its body with duals.
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

namespace detail {

template <class D, class... X>
constexpr bool callable_only_when_not_const =
    !std::is_invocable_v<const D&, const X&...> && std::is_invocable_v<D&, const X&...>;

/// Compilers show this name where the body of a generic denoiser does not compile with duals.
template <class D, class Tensor>
constexpr bool a_generic_denoiser_needs_to_take_duals_here_or_be_wrapped_in_central_differences =
    differentiable_denoiser<D, Tensor>;

}  // namespace detail

/// True of a denoiser; of anything else it does not compile, and says what is wrong.
template <class D, class Tensor>
constexpr bool is_denoiser() {
  if constexpr (!denoiser<D, Tensor>) {
    constexpr bool called =
        std::is_invocable_v<const D&, const Tensor&, const Tensor&, const timesteps&,
                            const timesteps&>;
    constexpr bool changes =
        detail::callable_only_when_not_const<D, Tensor, Tensor, timesteps, timesteps>;
    static_assert(!changes, "a denoiser's operator() is to be const, a lambda not mutable");
    static_assert(called || changes,
                  "a denoiser is to be callable as denoise(x_fine, x_coarse, t_fine, t_coarse), "
                  "images as tensors and times as lift::timesteps");
    static_assert(!called, "a denoiser is to return lift::scales{fine, coarse} of tensors, or "
                           "anything else with such members .fine and .coarse");
  }
  return denoiser<D, Tensor>;
}

/// True of a single-scale denoiser; of anything else it does not compile, and says what is wrong.
template <class D, class Tensor>
constexpr bool is_single_scale_denoiser() {
  if constexpr (!single_scale_denoiser<D, Tensor>) {
    constexpr bool called = std::is_invocable_v<const D&, const Tensor&, const timesteps&>;
    constexpr bool changes = detail::callable_only_when_not_const<D, Tensor, timesteps>;
    static_assert(!changes,
                  "a single-scale denoiser's operator() is to be const, a lambda not mutable");
    static_assert(called || changes, "a single-scale denoiser is to be callable as denoise(x, t), "
                                     "x a tensor and t lift::timesteps");
    static_assert(!called, "a single-scale denoiser is to return a tensor");
  }
  return single_scale_denoiser<D, Tensor>;
}

/// True where Jacobian-vector products of a denoiser are exact, as it takes duals; false where they
/// are by central differences. Of anything but a denoiser it does not compile, nor of a generic one
/// that accepts duals but whose body does not compile with them.
template <class D, class Tensor>
constexpr bool has_exact_jacobian() {
  static_assert(is_denoiser<D, Tensor>());
  return detail::
      a_generic_denoiser_needs_to_take_duals_here_or_be_wrapped_in_central_differences<D, Tensor>;
}

}  // namespace lift
