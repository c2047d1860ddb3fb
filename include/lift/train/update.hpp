// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lift/core/stoppable.hpp>
#include <lift/train/gradient_clipping.hpp>
#include <lift/train/loss_and_gradients.hpp>
#include <lift/train/optimiser.hpp>
#include <lift/train/training_options.hpp>
#include <lift/train/training_state.hpp>

namespace lift {

/// What a step of optimiser and average found.
template <std::size_t N = 2>
struct update_report {
  scales<double, N> loss;
  double gradient_norm;  ///< before clipping
};

/// What one step of optimiser and average does not share with the others, where the tensors are.
template <class Tensor>
struct step_coefficients {
  Tensor optimiser, average{shape{2}};

  /// Sets them for step t = 1, 2, …
  template <class Optimiser>
  void set(double rate, std::uint64_t t, const training_options<Optimiser>& options) {
    using T = typename Tensor::value_type;
    using Backend = typename Tensor::backend_type;
    const auto of_optimiser = options.optimiser.template coefficients_at<T>(rate, t);
    const auto of_average = options.average.template coefficients_at<T>(t);
    if (optimiser.empty()) optimiser = Tensor({std::span<const T>(of_optimiser).size()});
    Backend::copy_in(optimiser.mutable_data(), std::span<const T>(of_optimiser));
    Backend::copy_in(average.mutable_data(), std::span<const T>(of_average));
  }
};

/// Throws lift::error, naming both, where the training state is that of another optimiser.
template <class Optimiser, class Tensor>
void require_state_of(const Optimiser& optimiser, const training_state<Tensor>& state) {
  static_assert(is_optimiser<Optimiser, Tensor>());
  const optimiser_names wanted(optimiser);
  require(state.optimiser == wanted, "optimiser of a training state", state.optimiser, wanted);
}

/// Asks for a step of optimiser and average, and waits for nothing. Changes no weight where a loss
/// or gradient is not finite. The state is one of this optimiser (require_state_of), of all
/// parameters or those that are `own`; then exchange(weights) is to bring the others up to date.
template <class Tensor, std::size_t N, class Optimiser, class Exchange>
gradient_norms<Tensor> change_weights(training_state<Tensor>& state,
                                      const loss_gradient<Tensor, N>& found,
                                      const step_coefficients<Tensor>& coefficients,
                                      const training_options<Optimiser>& options,
                                      const std::vector<bool>& own, const Exchange& exchange) {
  gradient_norms<Tensor> norms(found.gradients, {found.loss.begin(), found.loss.end()});
  const Tensor scale = norms.clip_coefficient(options.max_gradient_norm);
  std::vector<Tensor> gradients = found.gradients;
  for (std::size_t i = 0; i < own.size(); ++i)
    if (!own[i]) gradients[i] = {};
  options.optimiser.update(state.weights, state.optimiser_state, gradients, scale,
                           coefficients.optimiser);
  exchange(state.weights);
  options.average.update(state.average, state.weights, scale, coefficients.average);
  return norms;
}

/// Waits for the step and counts it. Throws lift::error, naming the step and the scale or parameter,
/// when a loss or gradient was not finite; the state is then as before.
template <std::size_t N, class Tensor>
update_report<N> finish_step(training_state<Tensor>& state, const gradient_norms<Tensor>& norms) {
  const auto [sizes, losses] = norms.to_host();
  const auto require_finite = [&](double value, const std::string& what) {
    require(std::isfinite(value), text("training step ", state.step + 1, ": ", what), value,
            "a finite number");
  };
  for (std::size_t scale = 0; scale < N; ++scale)
    require_finite(losses[scale], "loss of the " + scale_name(scale, N) + " scale");
  for (std::size_t i = 0; i < sizes.size(); ++i)
    require_finite(sizes[i], "norm of the gradient of " + state.weights.entries()[i].name);
  const double norm = global_norm(sizes);
  require_finite(static_cast<double>(static_cast<typename Tensor::value_type>(norm * norm)),
                 "squared norm of all gradients");
  ++state.step;
  return {make_scales<N>([&, &found = losses](std::size_t scale) { return found[scale]; }), norm};
}

/// One step of optimiser and average with the given losses and gradients, which is not left in the
/// middle (stoppable). Throws as finish_step, and where the state is another optimiser's.
template <class Tensor, std::size_t N, class Optimiser = adamw>
update_report<N> update(training_state<Tensor>& state, const loss_gradient<Tensor, N>& found,
                        double rate, const training_options<Optimiser>& options) {
  require_state_of(options.optimiser, state);
  const stoppable as_a_whole(nullptr);
  step_coefficients<Tensor> coefficients;
  coefficients.set(rate, state.step + 1, options);
  return finish_step<N>(state, change_weights(state, found, coefficients, options, {},
                                              [](parameters<Tensor>&) {}));
}

}  // namespace lift
