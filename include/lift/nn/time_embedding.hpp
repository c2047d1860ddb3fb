// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/nn/layers.hpp>

namespace lift {

/// Timesteps as a network takes them: one for every image of the batch, or one for all. A network
/// also takes a tensor (B) or (1) of them, which may change where the tensors are.
using timesteps = std::vector<double>;

namespace kernel {
/// Writes the sine and the cosine of number i % half of an embedding, for image i / half.
template <class T>
struct sinusoid {
  using number = accumulator_t<T>;
  const number* t;
  std::size_t count;  // of timesteps: one for every image, or 1
  T* out;
  std::size_t half;
  number rate;
  LIFT_HD void operator()(std::size_t i) const {
    const std::size_t image = i / half, k = i % half;
    // In the precision of the tensor's sums, as the reference computes it: rounded where it rounds,
    // and a double's function in between, so that every backend rounds to the same.
    const auto frequency =
        static_cast<number>(std::exp(static_cast<double>(static_cast<number>(k) * rate)));
    const auto angle = static_cast<double>(t[count == 1 ? 0 : image] * frequency);
    out[image * 2 * half + k] = rounded_to<T>(std::sin(angle));
    out[image * 2 * half + half + k] = rounded_to<T>(std::cos(angle));
  }
};
}  // namespace kernel

namespace nn {

/// Timesteps as a tensor.
template <class Tensor>
Tensor on_backend(const timesteps& t) {
  return Tensor(shape{t.size()}, std::vector<typename Tensor::value_type>(t.begin(), t.end()));
}
template <class Tensor>
Tensor on_backend(const Tensor& t) {
  return t;
}

/// The numbers sin(t·f_i), then cos(t·f_i), f_i = exp(−i·ln(10000)/(width/2 − 1)), for a batch
/// like that of x: a shape when x is one, otherwise a tensor (B, width).
template <class X, class Timesteps>
auto sinusoidal_embedding(const X& x, const Timesteps& t, std::size_t width) {
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
    using number = accumulator_t<T>;
    const auto times = on_backend<typename Tensor::accumulators>(t);
    const number rate = -std::log(number(10000)) / static_cast<number>(half - 1);
    Tensor values(s);
    Tensor::backend_type::for_each(
        batch * half,
        kernel::sinusoid<T>{times.data(), t.size(), values.mutable_data(), half, rate}, 64);
    return values;
  }
}

/// Linear, SiLU, Linear; the two layers are called `first` and `second` in the scope.
template <class Scope, class X>
auto two_layer_mlp(const Scope& p, const X& x, std::size_t first, std::size_t second,
                   std::size_t width) {
  return linear(p / second, silu(linear(p / first, x, width)), width);
}

/// The embedding of one timestep: sinusoidal of width c, then two layers of width 4c.
template <class Scope, class X, class Timesteps>
auto time_embedding(const Scope& p, const X& x, const Timesteps& t, std::size_t c) {
  return two_layer_mlp(p, sinusoidal_embedding(x, t, c), 1, 3, 4 * c);
}

}  // namespace nn
}  // namespace lift
