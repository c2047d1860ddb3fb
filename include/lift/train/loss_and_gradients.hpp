// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/model/network.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/op/scale_rows.hpp>
#include <lift/op/weighted_sum.hpp>
#include <lift/train/noise_images.hpp>

namespace lift {

/// The losses of a batch, tensors of one element, and the gradient of their weighted sum with
/// respect to every parameter, in the order of the parameters; an empty tensor is zero.
template <class Tensor, std::size_t N = 2>
struct loss_gradient {
  scales<Tensor, N> loss;
  std::vector<Tensor> gradients;
};

/// Loss of a scale = mean over all elements of (output − target)², each times error_scale² of its image;
/// the gradient is that of Σ weights[scale]·loss[scale]. A condition is given to an architecture that
/// takes one.
template <class Architecture, class Tensor, std::size_t N>
loss_gradient<Tensor, N> loss_and_gradients(const Architecture& architecture,
                                            const parameters<Tensor>& parameters,
                                            const scales<noised<Tensor>, N>& batch,
                                            const scales<double, N>& weights,
                                            const condition<Tensor>& given = {}) {
  using T = typename Tensor::value_type;
  tape_of<Tensor> tape;
  taped_parameters leaves(parameters, tape);
  const scope root(leaves);
  const auto x = make_scales<N>([&](std::size_t s) { return batch[s].input; });
  const auto t = make_scales<N>([&](std::size_t s) { return batch[s].t; });
  const auto y = [&] {
    if constexpr (conditional_architecture<Architecture>) {
      return architecture(root, x, t, given);
    } else {
      require(given.empty(), "labels of an architecture without condition", given.labels.size(), 0);
      return architecture(root, x, t);
    }
  }();
  const auto losses = make_scales<N>([&](std::size_t s) {
    const auto& [input, target, told, scale] = batch[s];
    if (scale.empty()) return apply(op::mean_squared_error{}, y[s], target);
    return apply(op::mean_squared_error{}, apply(op::scale_rows{}, y[s], scale),
                 apply(op::scale_rows{}, target, scale));
  });
  if constexpr (N == 1) {
    tape.backward(losses[0], full<Tensor>({1}, static_cast<T>(weights[0])));
  } else {
    auto total = apply(op::weighted_sum{{weights[0]}, {weights[1]}}, losses[0], losses[1]);
    for (std::size_t s = 2; s < N; ++s)
      total = apply(op::weighted_sum{{1}, {weights[s]}}, total, losses[s]);
    tape.backward(total, full<Tensor>({1}, 1));
  }
  return {make_scales<N>([&](std::size_t s) { return losses[s].value; }), leaves.gradients()};
}

}  // namespace lift
