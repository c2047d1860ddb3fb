// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <vector>

#include <lift/model/denoiser.hpp>
#include <lift/model/prediction.hpp>
#include <lift/schedule/schedule.hpp>

namespace lift {

/// ᾱ at each timestep; throws lift::error for one that is not a whole number of the schedule.
template <noise_schedule Schedule>
std::vector<double> alpha_bars(const Schedule& schedule, const timesteps& t) {
  std::vector<double> result;
  for (const double at : t) {
    require(at >= 0 && at < static_cast<double>(schedule.num_timesteps()) && at == std::floor(at),
            "timestep", at, text("a whole number from 0 to ", schedule.num_timesteps() - 1));
    result.push_back(schedule.alpha_bar(static_cast<std::size_t>(at)));
  }
  return result;
}

/// What is wanted of a denoiser, whatever it predicts: ε̂ or x̂ = (x_t − √(1−ᾱ)·ε̂)/√ᾱ.
enum class estimate { noise, clean };

/// A denoiser whose output is ε̂ or x̂ of both scales, made of one that predicts anything. It takes
/// what that one takes and gives back: not duals, where it gives tensors for them.
template <class Denoiser, noise_schedule Schedule, prediction Prediction = predicts_noise>
struct estimator {
  Denoiser denoise;
  Schedule schedule;
  estimate wanted = estimate::noise;

  template <value F, value C>
    requires requires(const Denoiser& d, const F& f, const C& c, const timesteps& t) {
      { d(f, c, t, t).fine } -> std::convertible_to<F>;
      { d(f, c, t, t).coarse } -> std::convertible_to<C>;
    }
  auto operator()(const F& x_fine, const C& x_coarse, const timesteps& t_fine,
                  const timesteps& t_coarse) const {
    const auto y = denoise(x_fine, x_coarse, t_fine, t_coarse);
    return scales{combined(weights(t_fine), x_fine, F(y.fine)),
                  combined(weights(t_coarse), x_coarse, C(y.coarse))};
  }

 private:
  std::vector<combination> weights(const timesteps& t) const {
    std::vector<combination> result;
    for (const double a : alpha_bars(schedule, t))
      result.push_back(wanted == estimate::noise ? Prediction::noise(a) : Prediction::clean(a));
    return result;
  }
};

}  // namespace lift
