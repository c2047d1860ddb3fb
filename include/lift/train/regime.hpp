// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <lift/core/random.hpp>
#include <lift/path/path.hpp>
#include <lift/pyramid/scales.hpp>

namespace lift {

/// A regime draws the timesteps (t_fine, t_coarse), each below `num_timesteps`, that training
/// sample number `sample` is seen at, from the stream alone; and it weighs the losses of the
/// two scales. To train on a device its draw runs there: LIFT_HD.
template <class R>
concept regime = requires(const R& r, const random_stream& stream, std::uint64_t sample,
                          std::size_t num_timesteps) {
  { r.draw(stream, sample, num_timesteps) } -> std::same_as<timestep_pair>;
  { r.loss_weights() } -> std::same_as<scales<double>>;
};

/// True of a regime; of anything else it does not compile, and says what is wanted.
template <class R>
constexpr bool is_regime() {
  constexpr bool holds = regime<R>;
  static_assert(holds,
                "a regime is to have const members draw(stream, sample, num_timesteps) -> "
                "lift::timestep_pair and loss_weights() -> lift::scales<double>");
  return holds;
}

/// Timestep number `element` of a sample, uniform on 0 … num_timesteps − 1.
LIFT_HD inline std::size_t uniform_timestep(const random_stream& stream, std::uint64_t sample,
                                    std::uint64_t element, std::size_t num_timesteps) {
  return stream.below(static_cast<std::uint32_t>(num_timesteps), sample, element);
}

}  // namespace lift
