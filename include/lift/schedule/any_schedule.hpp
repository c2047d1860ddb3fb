// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <lift/core/choice.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/linear.hpp>
#include <lift/schedule/zero_terminal_snr.hpp>

namespace lift {

/// A schedule chosen at run time, known by its table.
struct any_schedule : tabulated_schedule {};

static_assert(noise_schedule<any_schedule>);

/// The schedules by name, each made for a number of timesteps; the first is the default.
inline constexpr choice<any_schedule, std::size_t> schedule_choices[] = {
    {"cosine", [](std::size_t n) { return any_schedule{cosine_schedule(n)}; }},
    {"cosine-ztsnr",
     [](std::size_t n) { return any_schedule{zero_terminal_snr(cosine_schedule(n))}; }},
    {"cosine-unclipped",
     [](std::size_t n) { return any_schedule{cosine_schedule(n, beta_range::unclipped())}; }},
    {"cosine-unclipped-ztsnr",
     [](std::size_t n) {
       return any_schedule{zero_terminal_snr(cosine_schedule(n, beta_range::unclipped()))};
     }},
    {"linear", [](std::size_t n) { return any_schedule{linear_schedule(n)}; }},
    {"linear-ztsnr",
     [](std::size_t n) { return any_schedule{zero_terminal_snr(linear_schedule(n))}; }},
};

/// Throws lift::error, listing the names, if there is no such schedule.
inline any_schedule make_schedule(std::string_view name, std::size_t num_timesteps = 1000) {
  return choose("noise schedule", schedule_choices, name, num_timesteps);
}

}  // namespace lift
