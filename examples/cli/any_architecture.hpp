// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include <lift/core/choice.hpp>
#include <lift/model/network.hpp>

namespace lift::cli {

using any_architecture =
    std::variant<lift_unet, lift_unet_shared_timestep, baseline_unet, multiscale_unet<3>>;

template <class Architecture>
any_architecture make_architecture(const std::vector<std::size_t>& hidden_dims) {
  return Architecture{hidden_dims};
}

/// The architectures by name.
inline constexpr choice<any_architecture, const std::vector<std::size_t>&> architecture_choices[] =
    {{lift_unet::name, make_architecture<lift_unet>},
     {lift_unet_shared_timestep::name, make_architecture<lift_unet_shared_timestep>},
     {baseline_unet::name, make_architecture<baseline_unet>},
     {multiscale_unet<3>::name, make_architecture<multiscale_unet<3>>}};

inline std::size_t scale_count(const any_architecture& architecture) {
  return std::visit([]<class A>(const A&) { return A::scale_count; }, architecture);
}

}  // namespace lift::cli
