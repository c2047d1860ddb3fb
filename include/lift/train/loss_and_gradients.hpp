// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/model/network.hpp>
#include <lift/model/stored_network.hpp>
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

/// Loss of a scale = mean over all elements of (output − target)², each times error_scale² of its
/// image; the gradient is that of Σ weights[scale]·loss[scale]. A condition is given to an
/// architecture that takes one. on_gradient(position of the parameter, gradient) is called for
/// each that is not empty, as soon as it is known, and may change it.
template <class Architecture, class Tensor, std::size_t N>
loss_gradient<Tensor, N> loss_and_gradients(
    const Architecture& architecture, const parameters<Tensor>& parameters,
    const scales<noised<Tensor>, N>& batch, const scales<double, N>& weights,
    const condition<Tensor>& given = {},
    const std::type_identity_t<std::function<void(std::size_t, Tensor&)>>& on_gradient = {}) {
  using T = typename Tensor::value_type;
  using stored = network_storage<Tensor>;
  constexpr bool anew = stores_networks<Tensor>;
  constexpr auto first = memory_layout::channels_first;
  constexpr auto layout = anew ? memory_layout::channels_last : first;
  // The network's tape, of numbers as it stores them, and that of the losses of its outputs.
  const auto& weights_there = [&]() -> decltype(auto) {
    if constexpr (anew)
      return stored_as<stored>(parameters, layout);
    else
      return (parameters);
  }();
  tape_of<tensor<typename Tensor::backend_type, stored>> tape;
  taped_parameters leaves(weights_there, tape);
  const scope root(leaves);
  const auto x = make_scales<N>(
      [&](std::size_t s) { return batch[s].input.template stored_as<stored>(layout); });
  const auto t = make_scales<N>([&](std::size_t s) { return batch[s].t; });
  const auto outputs = [&] {
    if constexpr (conditional_architecture<Architecture>) {
      return architecture(root, x, t, given);
    } else {
      require(given.empty(), "labels of an architecture without condition", given.labels.size(), 0);
      return architecture(root, x, t);
    }
  }();
  tape_of<Tensor> loss_tape;
  const auto y = make_scales<N>([&](std::size_t s) {
    return loss_tape.watch(outputs[s].value.template stored_as<T>(first));
  });
  const auto losses = make_scales<N>([&](std::size_t s) {
    const auto& [input, target, told, scale] = batch[s];
    if (scale.empty()) return apply(op::mean_squared_error{}, y[s], target);
    return apply(op::mean_squared_error{}, apply(op::scale_rows{}, y[s], scale),
                 apply(op::scale_rows{}, target, scale));
  });
  if constexpr (N == 1) {
    loss_tape.backward(losses[0], full<Tensor>({1}, static_cast<T>(weights[0])));
  } else {
    auto total = apply(op::weighted_sum{{weights[0]}, {weights[1]}}, losses[0], losses[1]);
    for (std::size_t s = 2; s < N; ++s)
      total = apply(op::weighted_sum{{1}, {weights[s]}}, total, losses[s]);
    loss_tape.backward(total, full<Tensor>({1}, 1));
  }
  const auto seeds = make_scales<N>(
      [&](std::size_t s) { return loss_tape.gradient(y[s]).template stored_as<stored>(layout); });
  std::vector<Tensor> gradients(parameters.size());
  // Those that nobody waits for are stored anew all at once.
  std::vector<tensor<typename Tensor::backend_type, stored>> there(anew ? parameters.size() : 0);
  tape.backward(outputs, seeds, [&](std::size_t leaf) {
    const std::size_t position = leaves.position(leaf);
    const auto known = leaves.gradient(position);
    if (anew && !on_gradient) {
      there[position] = known;
      return;
    }
    Tensor& gradient = gradients[position];
    gradient = known.template stored_as<T>(first);
    if (on_gradient && !gradient.empty()) on_gradient(position, gradient);
  });
  if constexpr (anew)
    if (!on_gradient) gradients = all_stored_as<T>(there, first);
  return {make_scales<N>([&](std::size_t s) { return losses[s].value; }), std::move(gradients)};
}

}  // namespace lift
