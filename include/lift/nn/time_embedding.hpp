// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/nn/layers.hpp>

namespace lift {

/// Timesteps as a network takes them: one for every image of the batch, or one for all.
using timesteps = std::vector<double>;

namespace nn {

/// The numbers sin(t·f_i), then cos(t·f_i), f_i = exp(−i·ln(10000)/(width/2 − 1)), for a batch
/// like that of x: a shape when x is one, otherwise a tensor (B, width).
template <class X>
auto sinusoidal_embedding(const X& x, const timesteps& t, std::size_t width) {
  const std::size_t batch = shape_of(x)[0], half = width / 2;
  require(t.size() == 1 || t.size() == batch, "number of timesteps", t.size(),
          text("1 or ", batch));
  require(width % 2 == 0 && width >= 4, "width of the time embedding", width,
          "an even number, 4 or more");
  const shape s{batch, width};
  if constexpr (std::is_same_v<X, shape>) {
    return s;
  } else {
    using Tensor = lift::detail::tensor_of<X>;
    using T = typename Tensor::value_type;
    std::vector<T> values(s.size());
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t i = 0; i < half; ++i) {
        // In the tensor's precision, as the reference computes it.
        const T rate = -std::log(T(10000)) / static_cast<T>(half - 1);
        const T angle = static_cast<T>(t[t.size() == 1 ? 0 : b]) *
                        std::exp(static_cast<T>(i) * rate);
        values[b * width + i] = std::sin(angle);
        values[b * width + half + i] = std::cos(angle);
      }
    return Tensor(s, values);
  }
}

/// Linear, SiLU, Linear; the two layers are called `first` and `second` in the scope.
template <class Scope, class X>
auto two_layer_mlp(const Scope& p, const X& x, std::size_t first, std::size_t second,
                   std::size_t width) {
  return linear(p / second, silu(linear(p / first, x, width)), width);
}

/// The embedding of one timestep: sinusoidal of width c, then two layers of width 4c.
template <class Scope, class X>
auto time_embedding(const Scope& p, const X& x, const timesteps& t, std::size_t c) {
  return two_layer_mlp(p, sinusoidal_embedding(x, t, c), 1, 3, 4 * c);
}

}  // namespace nn
}  // namespace lift
