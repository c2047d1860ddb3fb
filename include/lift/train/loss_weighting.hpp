// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <string_view>

#include <lift/core/choice.hpp>
#include <lift/model/prediction.hpp>
#include <lift/schedule/snr.hpp>

namespace lift {

/// How much an image counts in the loss at an SNR γ: of_clean(γ) is the weight of the squared error of
/// x̂₀, whatever the network predicts.
template <class Rule>
concept loss_weighting_rule = requires(double snr) {
  { Rule::of_clean(snr) } -> std::same_as<double>;
  { Rule::name } -> std::convertible_to<const char*>;
};

/// True of a loss weighting's rule; of anything else it does not compile, and says what is wanted.
template <class Rule>
constexpr bool is_loss_weighting_rule() {
  constexpr bool holds = loss_weighting_rule<Rule>;
  static_assert(holds,
                "a loss weighting is to have a static member of_clean, called with a double and "
                "returning one, and a name");
  return holds;
}

/// γ: the squared error of ε̂, as networks that predict noise have it unweighted.
struct snr_weighting {
  static constexpr const char* name = "snr";
  static double of_clean(double snr) { return snr; }
};
static_assert(loss_weighting_rule<snr_weighting>);

/// min(γ, 5) (Hang et al. 2023, Min-SNR-γ): nearly clean images count no more than they can teach.
struct min_snr_weighting {
  static constexpr const char* name = "min-snr";
  static constexpr double most = 5;
  static double of_clean(double snr) { return snr < most ? snr : most; }
};
static_assert(loss_weighting_rule<min_snr_weighting>);

/// (σ² + σ_data²)/(σ·σ_data)² = γ + 1/σ_data² for σ² = 1/γ (Karras et al. 2022, table 1): 1 of the
/// output of a network with their preconditioning.
struct edm_weighting {
  static constexpr const char* name = "edm";
  static double of_clean(double snr) {
    return snr + 1 / (predicts_preconditioned::data * predicts_preconditioned::data);
  }
};
static_assert(loss_weighting_rule<edm_weighting>);

/// How the losses of noise levels are weighed, as a value: a rule converts to it. By default they are
/// not: the loss is the mean squared error of what the network predicts.
class loss_weighting {
 public:
  static constexpr const char* none = "none";

  constexpr loss_weighting() = default;
  template <class Rule>
    requires(!std::same_as<Rule, loss_weighting> && is_loss_weighting_rule<Rule>())
  constexpr loss_weighting(Rule) : name_(Rule::name), of_clean_(Rule::of_clean) {}

  const char* name() const { return name_; }
  bool weighs() const { return of_clean_ != nullptr; }

  /// The weight of the squared error of what a network predicts: with x̂₀ = a·x_t + b·y, that of the
  /// squared error of x̂₀ times b².
  double of_output(const prediction& predicted, double alpha_bar) const {
    if (!weighs()) return 1;
    const double b = predicted.clean(alpha_bar).b;
    return of_clean_(snr_from_alpha_bar(alpha_bar)) * b * b;
  }

 private:
  const char* name_ = none;
  double (*of_clean_)(double snr) = nullptr;
};

/// The loss weightings by name; the first is the default.
inline constexpr choice<loss_weighting> loss_weighting_choices[] = {
    {loss_weighting::none, [] { return loss_weighting{}; }},
    {min_snr_weighting::name, [] { return loss_weighting{min_snr_weighting{}}; }},
    {snr_weighting::name, [] { return loss_weighting{snr_weighting{}}; }},
    {edm_weighting::name, [] { return loss_weighting{edm_weighting{}}; }},
};

/// Throws lift::error, listing the names, if there is no such loss weighting.
inline loss_weighting make_loss_weighting(std::string_view name) {
  return choose("loss weighting", loss_weighting_choices, name);
}

}  // namespace lift
