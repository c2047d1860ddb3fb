// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

#include <lift/core/error.hpp>
#include <lift/schedule/schedule.hpp>

namespace lift {

// Every conversion between ᾱ, the SNR γ = ᾱ/(1 − ᾱ), λ = log γ (natural) and the timestep t.
// The ends are exact: pure noise is ᾱ = 0, γ = 0, λ = −∞; a clean image is ᾱ = 1, γ = λ = +∞.

inline double snr_from_alpha_bar(double alpha_bar) { return alpha_bar / (1 - alpha_bar); }

inline double alpha_bar_from_snr(double snr) { return std::isinf(snr) ? 1 : snr / (1 + snr); }

inline double log_snr_from_snr(double snr) { return std::log(snr); }

inline double snr_from_log_snr(double log_snr) { return std::exp(log_snr); }

inline double log_snr_from_alpha_bar(double alpha_bar) {
  return std::log(alpha_bar) - std::log1p(-alpha_bar);
}

inline double alpha_bar_from_log_snr(double log_snr) { return 1 / (1 + std::exp(-log_snr)); }

/// γ at a timestep.
template <noise_schedule Schedule>
double snr(const Schedule& schedule, std::size_t timestep) {
  return snr_from_alpha_bar(schedule.alpha_bar(timestep));
}

/// λ at a timestep.
template <noise_schedule Schedule>
double log_snr(const Schedule& schedule, std::size_t timestep) {
  return log_snr_from_alpha_bar(schedule.alpha_bar(timestep));
}

/// The timestep whose ᾱ is nearest to γ/(1 + γ), the smallest if two are; throws lift::error unless
/// γ is at least 0.
template <noise_schedule Schedule>
std::size_t timestep_from_snr(const Schedule& schedule, double snr) {
  require(snr >= 0, "SNR", snr, "a number from 0");
  const double wanted = alpha_bar_from_snr(snr);
  std::size_t nearest = 0;
  double distance = std::numeric_limits<double>::infinity();
  for (std::size_t t = 0; t < schedule.num_timesteps(); ++t) {
    const double here = std::abs(schedule.alpha_bar(t) - wanted);
    if (here < distance) nearest = t, distance = here;
  }
  return nearest;
}

/// λ at a fractional timestep in [0, T − 1]: linear between timesteps, but where an end of the
/// interval is infinite, ᾱ is linear there instead. Throws lift::error outside the range.
template <noise_schedule Schedule>
double log_snr_at(const Schedule& schedule, double timestep) {
  const std::size_t last = schedule.num_timesteps() - 1;
  require(timestep >= 0 && timestep <= static_cast<double>(last), "timestep", timestep,
          text("0 to ", last));
  const auto left = static_cast<std::size_t>(timestep);
  if (left == last) return log_snr(schedule, last);
  const double fraction = timestep - static_cast<double>(left);
  const auto between = [=](double a, double b) { return a + fraction * (b - a); };
  const double noisier = log_snr(schedule, left + 1), cleaner = log_snr(schedule, left);
  if (std::isfinite(cleaner - noisier)) return between(cleaner, noisier);
  return log_snr_from_alpha_bar(between(schedule.alpha_bar(left), schedule.alpha_bar(left + 1)));
}

/// ᾱ at a fractional timestep in [0, T − 1], that of log_snr_at; exact at a whole one.
template <noise_schedule Schedule>
double alpha_bar_at(const Schedule& schedule, double timestep) {
  if (timestep >= 0 && timestep < static_cast<double>(schedule.num_timesteps()) &&
      timestep == std::floor(timestep))
    return schedule.alpha_bar(static_cast<std::size_t>(timestep));
  return alpha_bar_from_log_snr(log_snr_at(schedule, timestep));
}

/// γ at a fractional timestep, likewise.
template <noise_schedule Schedule>
double snr_at(const Schedule& schedule, double timestep) {
  return snr_from_alpha_bar(alpha_bar_at(schedule, timestep));
}

/// The fractional timestep at which log_snr_at is λ, or the nearer end of [0, T − 1] if λ lies
/// outside the schedule; throws lift::error if λ is not a number.
template <noise_schedule Schedule>
double timestep_from_log_snr(const Schedule& schedule, double wanted) {
  require(!std::isnan(wanted), "log-SNR", wanted, "a number");
  std::size_t right = 0;
  while (right + 1 < schedule.num_timesteps() && log_snr(schedule, right) > wanted) ++right;
  const double noisier = log_snr(schedule, right);
  if (right == 0 || noisier >= wanted) return static_cast<double>(right);
  const double cleaner = log_snr(schedule, right - 1);
  const auto fraction = [](double a, double b, double x) { return (x - a) / (b - a); };
  return static_cast<double>(right - 1) +
         (std::isfinite(cleaner - noisier)
              ? fraction(cleaner, noisier, wanted)
              : fraction(schedule.alpha_bar(right - 1), schedule.alpha_bar(right),
                         alpha_bar_from_log_snr(wanted)));
}

}  // namespace lift
