// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/tensor/noise.hpp>
#include <lift/train/regime.hpp>

namespace lift {

namespace kernel {
/// Writes the timesteps of one sample.
template <class Regime, class T, std::size_t N>
struct draw_timesteps {
  Regime regime;
  random_stream stream;
  sample_number first_sample;
  std::size_t num_timesteps;
  scales<T*, N> out;
  LIFT_HD void operator()(std::size_t i) const {
    const scales<std::size_t, N> drawn =
        regime.template draw<N>(stream, first_sample + i, num_timesteps);
    for (std::size_t scale = 0; scale < N; ++scale) out[scale][i] = static_cast<T>(drawn[scale]);
  }
};
}  // namespace kernel

/// The timesteps (B) of N scales that a regime draws for samples first_sample, …
template <class Tensor, std::size_t N, regime<N> Regime>
scales<Tensor, N> draw_timesteps(const Regime& regime, const random_stream& stream,
                                 sample_number first_sample, std::size_t batch,
                                 std::size_t num_timesteps) {
  using T = typename Tensor::value_type;
  auto t = make_scales<N>([&](std::size_t) { return Tensor(shape{batch}); });
  const auto draw = [&]<class R>(const R& chosen) {
    scales<T*, N> out;
    for (std::size_t scale = 0; scale < N; ++scale) out[scale] = t[scale].mutable_data();
    Tensor::backend_type::for_each(
        batch, kernel::draw_timesteps<R, T, N>{chosen, stream, first_sample, num_timesteps, out},
        16);
  };
  if constexpr (requires { regime.visit(draw); })
    regime.visit(draw);
  else
    draw(regime);
  return t;
}

}  // namespace lift
