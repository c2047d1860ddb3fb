// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <vector>

#include <lift/ad/apply.hpp>
#include <lift/op/weighted_sum.hpp>

namespace lift {

/// A linear combination a·x_t + b·y of a noisy image and another image.
struct combination {
  double a, b;
};

/// What a network's output y means, for x_t = √ᾱ·x₀ + √(1−ᾱ)·ε: noise(ᾱ) and clean(ᾱ) give the
/// estimates of ε and x₀ as combinations of x_t and y; target(ᾱ) gives the y to train for as a
/// combination of x₀ and ε.
template <class P>
concept prediction = requires(double alpha_bar) {
  { P::noise(alpha_bar) } -> std::same_as<combination>;
  { P::clean(alpha_bar) } -> std::same_as<combination>;
  { P::target(alpha_bar) } -> std::same_as<combination>;
};

/// True of a prediction; of anything else it does not compile, and says what is wanted.
template <class P>
constexpr bool is_prediction() {
  constexpr bool holds = prediction<P>;
  static_assert(holds,
                "a prediction is to have static members noise, clean and target, each called with "
                "a double and returning lift::combination");
  return holds;
}

/// y = ε, as the reference; gives no x̂₀ where ᾱ = 0.
struct predicts_noise {
  static constexpr const char* name = "noise";
  static combination noise(double) { return {0, 1}; }
  static combination clean(double alpha_bar) {
    return {1 / std::sqrt(alpha_bar), -std::sqrt((1 - alpha_bar) / alpha_bar)};
  }
  static combination target(double) { return {0, 1}; }
};
static_assert(prediction<predicts_noise>);

/// y = x₀; gives no ε where ᾱ = 1.
struct predicts_clean {
  static constexpr const char* name = "clean";
  static combination noise(double alpha_bar) {
    return {1 / std::sqrt(1 - alpha_bar), -std::sqrt(alpha_bar / (1 - alpha_bar))};
  }
  static combination clean(double) { return {0, 1}; }
  static combination target(double) { return {1, 0}; }
};
static_assert(prediction<predicts_clean>);

/// y = v = √ᾱ·ε − √(1−ᾱ)·x₀ (Salimans & Ho 2022); defined at every ᾱ.
struct predicts_velocity {
  static constexpr const char* name = "velocity";
  static combination noise(double alpha_bar) {
    return {std::sqrt(1 - alpha_bar), std::sqrt(alpha_bar)};
  }
  static combination clean(double alpha_bar) {
    return {std::sqrt(alpha_bar), -std::sqrt(1 - alpha_bar)};
  }
  static combination target(double alpha_bar) {
    return {-std::sqrt(1 - alpha_bar), std::sqrt(alpha_bar)};
  }
};
static_assert(prediction<predicts_velocity>);

/// a·x + b·y for every image of a batch; `weights` has one entry for each image or one for all.
template <value X, value Y>
auto combined(const std::vector<combination>& weights, const X& x, const Y& y) {
  op::weighted_sum sum;
  for (const combination& w : weights) {
    sum.a.push_back(w.a);
    sum.b.push_back(w.b);
  }
  return apply(sum, x, y);
}

/// x_t = √ᾱ·x₀ + √(1−ᾱ)·ε, one ᾱ for each image or one for all.
template <value X, value Y>
auto add_noise(const std::vector<double>& alpha_bars, const X& clean, const Y& noise) {
  std::vector<combination> weights;
  for (const double a : alpha_bars) weights.push_back({std::sqrt(a), std::sqrt(1 - a)});
  return combined(weights, clean, noise);
}

}  // namespace lift
