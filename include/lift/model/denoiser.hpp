// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <lift/ad/dual.hpp>
#include <lift/core/scales.hpp>
#include <lift/nn/condition.hpp>
#include <lift/nn/time_embedding.hpp>

namespace lift {

/// Anything callable on (x, t), noisy images (B, C, H, W) and timesteps of N scales, that returns
/// an image for each scale of the shapes of its inputs. A denoiser returns x̂₀; what a network
/// returns, `model` makes a denoiser of. One that takes a condition after t becomes a denoiser under
/// that condition by `guided`.
template <class D, class Tensor, std::size_t N = 2>
concept denoiser =
    requires(const D& d, const scales<Tensor, N>& x, const scales<timesteps, N>& t) {
      { d(x, t) } -> std::convertible_to<scales<Tensor, N>>;
    };

/// A denoiser that also takes a condition after t.
template <class D, class Tensor, std::size_t N = 2>
concept conditional_denoiser =
    denoiser<D, Tensor, N> && requires(const D& d, const scales<Tensor, N>& x,
                                       const scales<timesteps, N>& t, const condition<>& given) {
      { d(x, t, given) } -> std::convertible_to<scales<Tensor, N>>;
    };

/// A denoiser that also takes duals, so that its Jacobian-vector products are exact. To ask this of
/// a generic one whose return type is deduced compiles its body with duals.
template <class D, class Tensor, std::size_t N = 2>
concept differentiable_denoiser =
    denoiser<D, Tensor, N> &&
    requires(const D& d, const scales<dual_of<Tensor>, N>& x, const scales<timesteps, N>& t) {
      { d(x, t) } -> std::convertible_to<scales<dual_of<Tensor>, N>>;
    };

namespace detail {

template <class D, class... X>
constexpr bool callable_only_when_not_const =
    !std::is_invocable_v<const D&, const X&...> && std::is_invocable_v<D&, const X&...>;

/// Compilers show this name where the body of a generic denoiser does not compile with duals.
template <class D, class Tensor, std::size_t N>
constexpr bool a_generic_denoiser_needs_to_take_duals_here_or_be_wrapped_in_central_differences =
    differentiable_denoiser<D, Tensor, N>;

}  // namespace detail

/// True of a denoiser; of anything else it does not compile, and says what is wrong.
template <class D, class Tensor, std::size_t N = 2>
constexpr bool is_denoiser() {
  if constexpr (!denoiser<D, Tensor, N>) {
    using X = scales<Tensor, N>;
    using T = scales<timesteps, N>;
    constexpr bool called = std::is_invocable_v<const D&, const X&, const T&>;
    constexpr bool changes = detail::callable_only_when_not_const<D, X, T>;
    static_assert(!changes, "a denoiser's operator() is to be const, a lambda not mutable");
    static_assert(called || changes,
                  "a denoiser is to be callable as denoise(x, t), x lift::scales of tensors and t "
                  "lift::scales of lift::timesteps");
    static_assert(!called, "a denoiser is to return lift::scales of tensors");
  }
  return denoiser<D, Tensor, N>;
}

/// True where Jacobian-vector products of a denoiser are exact, as it takes duals; false where they
/// are by central differences. Of anything but a denoiser it does not compile, nor of a generic one
/// that accepts duals but whose body does not compile with them.
template <class D, class Tensor, std::size_t N = 2>
constexpr bool has_exact_jacobian() {
  static_assert(is_denoiser<D, Tensor, N>());
  return detail::a_generic_denoiser_needs_to_take_duals_here_or_be_wrapped_in_central_differences<
      D, Tensor, N>;
}

}  // namespace lift
