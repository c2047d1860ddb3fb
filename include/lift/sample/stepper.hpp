// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

namespace lift {

/// A stepper moves the sample x of one scale from signal power ᾱ to a higher ᾱ', given the estimate
/// x̂₀ at ᾱ: stepper(x, x̂₀, ᾱ, ᾱ', noise) → x'. It calls noise() for unit noise of the shape of x
/// only if it adds some. Each scale of each run has its own copy, which may remember earlier steps.
template <class Stepper, class Tensor>
concept stepper = std::copyable<Stepper> &&
                  requires(Stepper s, const Tensor& x, double alpha_bar, Tensor (&noise)()) {
                    { s(x, x, alpha_bar, alpha_bar, noise) } -> std::same_as<Tensor>;
                  };

}  // namespace lift
