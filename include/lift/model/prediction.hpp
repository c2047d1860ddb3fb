// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <string_view>
#include <vector>

#include <lift/ad/apply.hpp>
#include <lift/core/choice.hpp>
#include <lift/op/weighted_sum.hpp>

namespace lift {

/// A linear combination a·x_t + b·y of a noisy image and another image.
struct combination {
  double a, b;
};

/// What a network's output y means, for x_t = √ᾱ·x₀ + √(1−ᾱ)·ε: noise(ᾱ) and clean(ᾱ) give the
/// estimates of ε and x₀ as combinations of x_t and y; target(ᾱ) gives the y to train for as a
/// combination of x₀ and ε.
///
/// A rule may also say input(ᾱ), what x_t is multiplied by for the network, and time(ᾱ, t), what the
/// network is told instead of the timestep t. The loss is the plain mean-squared error of y.
template <class Rule>
concept prediction_rule = requires(double alpha_bar) {
  { Rule::noise(alpha_bar) } -> std::same_as<combination>;
  { Rule::clean(alpha_bar) } -> std::same_as<combination>;
  { Rule::target(alpha_bar) } -> std::same_as<combination>;
  { Rule::name } -> std::convertible_to<const char*>;
};

/// True of a prediction's rule; of anything else it does not compile, and says what is wanted.
template <class Rule>
constexpr bool is_prediction_rule() {
  constexpr bool holds = prediction_rule<Rule>;
  static_assert(holds,
                "a prediction is to have static members noise, clean and target, each called with "
                "a double and returning lift::combination, and a name");
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
static_assert(prediction_rule<predicts_noise>);

/// y = x₀; gives no ε where ᾱ = 1.
struct predicts_clean {
  static constexpr const char* name = "clean";
  static combination noise(double alpha_bar) {
    return {1 / std::sqrt(1 - alpha_bar), -std::sqrt(alpha_bar / (1 - alpha_bar))};
  }
  static combination clean(double) { return {0, 1}; }
  static combination target(double) { return {1, 0}; }
};
static_assert(prediction_rule<predicts_clean>);

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
static_assert(prediction_rule<predicts_velocity>);

/// The preconditioned network of EDM (Karras et al. 2022, table 1) with σ_data = ½, for σ² =
/// (1−ᾱ)/ᾱ: x̂₀ = c_skip·x + c_out·y, y a function of c_in·x and log(σ)/4, where x = x_t/√ᾱ,
/// c_skip = σ_data²/(σ²+σ_data²), c_out = σ·σ_data/√(σ²+σ_data²) and c_in = 1/√(σ²+σ_data²). The
/// mean-squared error of y is that of x̂₀ with EDM's weight 1/c_out². Undefined where ᾱ is 0 or 1.
struct predicts_preconditioned {
  static constexpr const char* name = "edm";
  static constexpr double data = 0.5;  ///< σ_data
  static combination noise(double alpha_bar) {
    return {std::sqrt(1 - alpha_bar) / power(alpha_bar),
            -data * std::sqrt(alpha_bar / power(alpha_bar))};
  }
  static combination clean(double alpha_bar) {
    return {data * data * std::sqrt(alpha_bar) / power(alpha_bar),
            data * std::sqrt((1 - alpha_bar) / power(alpha_bar))};
  }
  static combination target(double alpha_bar) {
    return {std::sqrt((1 - alpha_bar) / power(alpha_bar)) / data,
            -data * std::sqrt(alpha_bar / power(alpha_bar))};
  }
  static double input(double alpha_bar) { return 1 / std::sqrt(power(alpha_bar)); }
  static double time(double alpha_bar, double) {
    return (std::log1p(-alpha_bar) - std::log(alpha_bar)) / 8;
  }

 private:
  /// That of x_t where x₀ has σ_data: (σ² + σ_data²)·ᾱ.
  static double power(double alpha_bar) { return 1 - alpha_bar + data * data * alpha_bar; }
};
static_assert(prediction_rule<predicts_preconditioned>);

/// What a network predicts, as a value: a rule converts to it. Its members are the rule's.
class prediction {
 public:
  template <class Rule>
    requires(!std::same_as<Rule, prediction> && is_prediction_rule<Rule>())
  constexpr prediction(Rule)
      : name_(Rule::name),
        noise_(Rule::noise),
        clean_(Rule::clean),
        target_(Rule::target),
        input_([](double alpha_bar) -> double {
          if constexpr (requires { Rule::input(alpha_bar); }) return Rule::input(alpha_bar);
          return 1;
        }),
        time_([](double alpha_bar, double t) -> double {
          if constexpr (requires { Rule::time(alpha_bar, t); }) return Rule::time(alpha_bar, t);
          return t;
        }) {}

  const char* name() const { return name_; }
  combination noise(double alpha_bar) const { return noise_(alpha_bar); }
  combination clean(double alpha_bar) const { return clean_(alpha_bar); }
  combination target(double alpha_bar) const { return target_(alpha_bar); }
  double input(double alpha_bar) const { return input_(alpha_bar); }
  double time(double alpha_bar, double t) const { return time_(alpha_bar, t); }

 private:
  const char* name_;
  combination (*noise_)(double);
  combination (*clean_)(double);
  combination (*target_)(double);
  double (*input_)(double);
  double (*time_)(double, double);
};

/// The predictions by name; the first is the default.
inline constexpr choice<prediction> prediction_choices[] = {
    {predicts_noise::name, [] { return prediction{predicts_noise{}}; }},
    {predicts_clean::name, [] { return prediction{predicts_clean{}}; }},
    {predicts_velocity::name, [] { return prediction{predicts_velocity{}}; }},
    {predicts_preconditioned::name, [] { return prediction{predicts_preconditioned{}}; }},
};

/// Throws lift::error, listing the names, if there is no such prediction.
inline prediction make_prediction(std::string_view name) {
  return choose("prediction", prediction_choices, name);
}

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
