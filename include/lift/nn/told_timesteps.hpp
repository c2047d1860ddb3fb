// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <lift/core/choice.hpp>
#include <lift/core/scales.hpp>
#include <lift/nn/time_embedding.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// Which timesteps of the scales a network is told.
enum class told_timesteps {
  each,  ///< those of all scales
  fine,  ///< that of the finest scale alone
  own,   ///< for the output of a scale that scale's alone, in an evaluation for each
  none,
};

/// By name; the first is the default.
inline constexpr choice<told_timesteps> told_timesteps_choices[] = {
    {"each", [] { return told_timesteps::each; }},
    {"fine", [] { return told_timesteps::fine; }},
    {"own", [] { return told_timesteps::own; }},
    {"none", [] { return told_timesteps::none; }},
};

/// Throws lift::error, listing the names, if there is no such choice.
inline told_timesteps make_told_timesteps(std::string_view name) {
  return choose("choice of told timesteps", told_timesteps_choices, name);
}

namespace nn {

/// Timestep 0, where and as t is.
inline timesteps zero_timestep(const timesteps&) { return {0}; }
template <class Tensor>
Tensor zero_timestep(const Tensor&) {
  return zeros<Tensor>({1});
}

/// The timesteps that a network reads for the output of a scale. One that it is not told is 0 whatever it
/// is, so that networks that are told more or less have the same parameters.
template <class Timesteps, std::size_t N>
scales<Timesteps, N> hide_timesteps(told_timesteps told, const scales<Timesteps, N>& t,
                                    std::size_t output = 0) {
  return make_scales<N>([&](std::size_t scale) {
    const bool shown = told == told_timesteps::each || (told == told_timesteps::fine && scale == 0) ||
                       (told == told_timesteps::own && scale == output);
    return shown ? t[scale] : zero_timestep(t[scale]);
  });
}

}  // namespace nn
}  // namespace lift
