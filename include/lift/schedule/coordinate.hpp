// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include <lift/core/choice.hpp>

namespace lift {

/// A coordinate gives the chain-rule factor that turns a squared Jacobian with respect to x_t into
/// one with respect to the coordinate, as a function of the SNR γ.
template <class Coordinate>
concept coordinate = requires(const Coordinate& c, double snr) {
  { c.factor(snr) } -> std::same_as<double>;
};

/// z = γ·x₀ + √γ·ε: (∂x_t/∂z)² = 1/(γ(1 + γ)).
struct stochastic_localisation {
  double factor(double snr) const { return 1 / (snr * (1 + snr)); }
};
static_assert(coordinate<stochastic_localisation>);

/// z = √γ·x₀ + ε: (∂x_t/∂z)² = 1/(1 + γ).
struct unit_noise {
  double factor(double snr) const { return 1 / (1 + snr); }
};
static_assert(coordinate<unit_noise>);

/// λ = log γ, for the Jacobian of the noise: E‖dx_t/dλ‖²/d = γ/(4(1 + γ)²).
struct log_snr_coordinate {
  double factor(double snr) const { return snr / (4 * (1 + snr) * (1 + snr)); }
};
static_assert(coordinate<log_snr_coordinate>);

/// λ = log γ, for the Jacobian of the denoised image: 1/(4(1 + γ)²).
struct denoised_log_snr_coordinate {
  double factor(double snr) const { return 1 / (4 * (1 + snr) * (1 + snr)); }
};
static_assert(coordinate<denoised_log_snr_coordinate>);

/// The Jacobian with respect to x_t itself: 1.
struct no_factor {
  double factor(double) const { return 1; }
};
static_assert(coordinate<no_factor>);

/// A coordinate chosen at run time: any that has no state.
class any_coordinate {
 public:
  template <coordinate Coordinate = stochastic_localisation>
    requires std::is_empty_v<Coordinate>
  constexpr any_coordinate(Coordinate = {})
      : factor_([](double snr) { return Coordinate{}.factor(snr); }) {}

  double factor(double snr) const { return factor_(snr); }

 private:
  double (*factor_)(double snr);
};
static_assert(coordinate<any_coordinate>);

/// The coordinates by name; the first is the default.
inline constexpr choice<any_coordinate> coordinate_choices[] = {
    {"localisation", [] { return any_coordinate(stochastic_localisation{}); }},
    {"unit-noise", [] { return any_coordinate(unit_noise{}); }},
    {"log-snr", [] { return any_coordinate(log_snr_coordinate{}); }},
    {"denoised-log-snr", [] { return any_coordinate(denoised_log_snr_coordinate{}); }},
    {"none", [] { return any_coordinate(no_factor{}); }},
};

/// Throws lift::error, listing the names, if there is no such coordinate.
inline any_coordinate make_coordinate(std::string_view name) {
  return choose("coordinate", coordinate_choices, name);
}

}  // namespace lift
