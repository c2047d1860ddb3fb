// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include <lift/core/choice.hpp>
#include <lift/model/network.hpp>
#include <lift/model/prediction.hpp>

namespace lift::cli {

using any_architecture = std::variant<lift_unet, lift_unet_shared_timestep, baseline_unet>;

template <class Architecture>
any_architecture make_architecture(const std::vector<std::size_t>& hidden_dims) {
  return Architecture{hidden_dims};
}

/// The architectures by name.
inline constexpr choice<any_architecture, const std::vector<std::size_t>&> architecture_choices[] =
    {{lift_unet::name, make_architecture<lift_unet>},
     {lift_unet_shared_timestep::name, make_architecture<lift_unet_shared_timestep>},
     {baseline_unet::name, make_architecture<baseline_unet>}};

using any_prediction = std::variant<predicts_noise, predicts_clean, predicts_velocity>;

/// What a network may predict, by name.
inline constexpr choice<any_prediction> prediction_choices[] = {
    {predicts_noise::name, [] { return any_prediction{predicts_noise{}}; }},
    {predicts_clean::name, [] { return any_prediction{predicts_clean{}}; }},
    {predicts_velocity::name, [] { return any_prediction{predicts_velocity{}}; }},
};

}  // namespace lift::cli
