// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

#include <lift/model/denoiser.hpp>
#include <lift/model/prediction.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/snr.hpp>

namespace lift {

/// ᾱ at each timestep; throws lift::error for one outside the schedule.
template <noise_schedule Schedule>
std::vector<double> alpha_bars(const Schedule& schedule, const timesteps& t) {
  std::vector<double> result;
  for (const double at : t) result.push_back(alpha_bar_at(schedule, at));
  return result;
}

/// Why a network that predicts so gives no x̂₀ or ε̂ at some timestep of a schedule, which messages
/// call by `name`; empty where it gives both everywhere.
template <noise_schedule Schedule>
std::string undefined_estimate(const prediction& predicted, const Schedule& schedule,
                               const std::string& name) {
  const auto undefined = [&](const char* what, std::size_t t, const char* why) {
    return text("a network that predicts ", predicted.name(), " gives no ", what, " at timestep ",
                t, " of the schedule ", name, ", where there is no ", why);
  };
  const auto defined = [](const combination& c) {
    return std::isfinite(c.a) && std::isfinite(c.b);
  };
  for (std::size_t t = 0; t < schedule.num_timesteps(); ++t) {
    const double a = schedule.alpha_bar(t);
    const bool told = std::isfinite(predicted.time(a, static_cast<double>(t)));
    if (!defined(predicted.clean(a)) || (!told && a == 0)) return undefined("image", t, "signal");
    if (!defined(predicted.noise(a)) || !told) return undefined("noise", t, "noise");
  }
  return "";
}

/// A network, or anything called like one, with what it predicts and the schedule of its timesteps:
/// a denoiser, model(x, t) → x̂₀, and noise(x, t) → ε̂, of N scales. Both take a condition after t,
/// which is given to a network that takes one. A model takes what the network takes and gives back:
/// not duals, where that gives tensors for them. Throws lift::error at timesteps where the prediction
/// gives no such estimate, and for a condition of a network that takes none.
template <class Network, noise_schedule Schedule = cosine_schedule>
struct model {
  Network network;
  lift::prediction prediction = predicts_noise{};
  Schedule schedule{};

  template <value X, std::size_t N>
    requires denoiser<Network, X, N>
  scales<X, N> operator()(const scales<X, N>& x, const scales<timesteps, N>& t,
                          const condition<>& given = {}) const {
    return estimate(x, t, given, "image", [this](double alpha_bar) { return prediction.clean(alpha_bar); });
  }
  template <value X, std::size_t N>
    requires denoiser<Network, X, N>
  scales<X, N> noise(const scales<X, N>& x, const scales<timesteps, N>& t,
                     const condition<>& given = {}) const {
    return estimate(x, t, given, "noise", [this](double alpha_bar) { return prediction.noise(alpha_bar); });
  }

 private:
  template <class X, std::size_t N, class Rule>
  scales<X, N> estimate(const scales<X, N>& x, const scales<timesteps, N>& t,
                        const condition<>& given, const char* what, const Rule& rule) const {
    scales<X, N> input = x;
    scales<timesteps, N> told = t;
    scales<std::vector<combination>, N> weights;
    for (std::size_t scale = 0; scale < N; ++scale) {
      std::vector<combination> in;
      bool scaled = false;
      const std::vector<double> levels = alpha_bars(schedule, t[scale]);
      for (std::size_t i = 0; i < levels.size(); ++i) {
        const combination& w = weights[scale].emplace_back(rule(levels[i]));
        in.push_back({prediction.input(levels[i]), 0});
        scaled = scaled || in.back().a != 1;
        told[scale][i] = prediction.time(levels[i], t[scale][i]);
        require(std::isfinite(w.a) && std::isfinite(w.b) && std::isfinite(told[scale][i]),
                text("alpha_bar at timestep ", t[scale][i], " for a network that predicts ",
                     prediction.name()),
                levels[i], text("one at which that gives an estimate of the ", what));
      }
      if (scaled) input[scale] = combined(in, x[scale], x[scale]);
    }
    const scales<X, N> y = output(input, told, given);
    return make_scales<N>([&](std::size_t scale) {
      require(shape_of(y[scale]) == shape_of(x[scale]), "shape of the network's output",
              shape_of(y[scale]), shape_of(x[scale]));
      return combined(weights[scale], x[scale], y[scale]);
    });
  }

  template <class X, std::size_t N>
  scales<X, N> output(const scales<X, N>& x, const scales<timesteps, N>& t,
                      const condition<>& given) const {
    if constexpr (requires { { network(x, t, given) } -> std::convertible_to<scales<X, N>>; })
      return network(x, t, given);
    require(given.empty(), "condition of a network", "labels", "none, as it takes none");
    return network(x, t);
  }
};

template <class Network>
model(Network) -> model<Network>;
template <class Network, class Rule>
model(Network, Rule) -> model<Network>;
template <class Network, class Rule, class Schedule>
model(Network, Rule, Schedule) -> model<Network, Schedule>;

}  // namespace lift
