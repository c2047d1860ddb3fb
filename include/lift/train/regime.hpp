// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <lift/core/random.hpp>
#include <lift/core/scales.hpp>

namespace lift {

/// A regime draws the timesteps of N scales, each below `num_timesteps`, that training sample number
/// `sample` is seen at, from the stream alone. To train on a device its draw runs there: LIFT_HD.
///
/// It may also weigh the losses of the scales: loss_weights<N>() -> scales<double, N>.
template <class R, std::size_t N = 2>
concept regime = requires(const R& r, const random_stream& stream, std::uint64_t sample,
                          std::size_t num_timesteps) {
  { r.template draw<N>(stream, sample, num_timesteps) } -> std::same_as<scales<std::size_t, N>>;
};

/// True of a regime; of anything else it does not compile, and says what is wanted.
template <class R, std::size_t N = 2>
constexpr bool is_regime() {
  constexpr bool holds = regime<R, N>;
  static_assert(holds,
                "a regime is to have a const member template draw<N>(stream, sample, "
                "num_timesteps) -> lift::scales<std::size_t, N>");
  return holds;
}

/// How much the loss of each scale counts: what the regime says, or all the same.
template <std::size_t N, regime<N> Regime>
scales<double, N> loss_weights_of(const Regime& drawn_by) {
  if constexpr (requires { drawn_by.template loss_weights<N>(); })
    return drawn_by.template loss_weights<N>();
  else
    return make_scales<N>([](std::size_t) { return 1.0; });
}

/// Timestep number `element` of a sample, uniform on 0 … num_timesteps − 1.
LIFT_HD inline std::size_t uniform_timestep(const random_stream& stream, std::uint64_t sample,
                                    std::uint64_t element, std::size_t num_timesteps) {
  return stream.below(static_cast<std::uint32_t>(num_timesteps), sample, element);
}

}  // namespace lift
