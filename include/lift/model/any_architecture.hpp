// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include <lift/core/choice.hpp>
#include <lift/model/baseline_unet.hpp>
#include <lift/model/lift_unet.hpp>

namespace lift {

/// An architecture chosen at run time.
using any_architecture =
    std::variant<lift_unet, lift_unet_shared_timestep, baseline_unet, multiscale_unet<3>>;

template <class Architecture>
any_architecture make_architecture_of(const unet_config& config) {
  return Architecture{config};
}

/// The architectures by name; the first is the default.
inline constexpr choice<any_architecture, const unet_config&> architecture_choices[] = {
    {lift_unet::name, make_architecture_of<lift_unet>},
    {lift_unet_shared_timestep::name, make_architecture_of<lift_unet_shared_timestep>},
    {baseline_unet::name, make_architecture_of<baseline_unet>},
    {multiscale_unet<3>::name, make_architecture_of<multiscale_unet<3>>},
};

/// Throws lift::error, listing the names, if there is no such architecture.
inline any_architecture make_architecture(std::string_view name, const unet_config& config) {
  return choose("architecture", architecture_choices, name, config);
}

inline std::size_t scale_count(const any_architecture& architecture) {
  return std::visit([]<class A>(const A&) { return A::scale_count; }, architecture);
}
inline const unet_config& config_of(const any_architecture& architecture) {
  return std::visit([](const auto& a) -> const unet_config& { return a.config; }, architecture);
}

}  // namespace lift
