// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include <lift/core/choice.hpp>
#include <lift/core/preset.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/path/dp.hpp>
#include <lift/path/given_path.hpp>
#include <lift/path/greedy.hpp>
#include <lift/path/log_snr_spacing.hpp>
#include <lift/path/n_step.hpp>
#include <lift/path/path_kl.hpp>

namespace lift {

/// A path policy chosen at run time; throws lift::error where it is not one for so many scales.
struct any_path_policy {
  std::variant<diagonal, log_snr_diagonal, greedy, dp_64, dp_total, n_step_fine, n_step_total,
               path_kl, given_path<>>
      model;

  template <std::size_t N = 2, noise_schedule Schedule>
  timestep_path<N> operator()(const error_heatmap<N>& heatmap, const Schedule& schedule,
                              std::size_t steps) const {
    return std::visit(
        [&]<class Policy>(const Policy& policy) -> timestep_path<N> {
          if constexpr (path_policy<Policy, Schedule, N>)
            return policy(heatmap, schedule, steps);
          else
            throw error(text("this policy is for two scales, not for ", N));
        },
        model);
  }
};

static_assert(path_policy<any_path_policy>);

/// A policy with its sound defaults or with the reference's.
template <path_policy Policy>
any_path_policy preset_policy(preset side) {
  return {side == preset::reference ? Policy::reference() : Policy{}};
}

/// The path policies by name.
inline constexpr choice<any_path_policy, preset> path_policy_choices[] = {
    {"diagonal", preset_policy<diagonal>},   {"log-snr", preset_policy<log_snr_diagonal>},
    {"greedy", preset_policy<greedy>},       {"dp-64", preset_policy<dp_64>},
    {"dp-total", preset_policy<dp_total>},   {"n-step", preset_policy<n_step_fine>},
    {"n-step-total", preset_policy<n_step_total>},
    {"path-kl", preset_policy<path_kl>},
    {"path-kl-diagonal", [](preset) { return any_path_policy{path_kl{clocks::one}}; }},
};

/// Throws lift::error, listing the names, if there is no such policy.
inline any_path_policy make_path_policy(std::string_view name, preset side = preset::sound) {
  return choose("path policy", path_policy_choices, name, side);
}

}  // namespace lift
