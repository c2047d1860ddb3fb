// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lift/train/adamw.hpp>
#include <lift/train/ema.hpp>
#include <lift/train/gradient_clipping.hpp>
#include <lift/train/image_source.hpp>
#include <lift/train/learning_rate.hpp>
#include <lift/train/objective.hpp>
#include <lift/train/training_state.hpp>

namespace lift {

struct training_options {
  std::size_t batch_size = 64;
  /// A batch is evaluated in so many equal parts whose gradients are added up: less memory.
  std::size_t accumulation = 1;
  double max_gradient_norm = 1;  ///< infinity: no clipping
  adamw optimiser = {};
  ema average = {};
};

/// What a training step tells of itself.
struct step_report {
  std::uint64_t step;   ///< number of the step, from 1
  std::uint64_t epoch;  ///< number of its epoch, from 0
  scales<double> loss;
  double gradient_norm;  ///< before clipping
  double learning_rate;
  double images_per_second;
};

/// What a step of optimiser and average found.
struct update_report {
  scales<double> loss;
  double gradient_norm;  ///< before clipping
};

/// One step of optimiser and average with the given losses and gradients. Throws lift::error, naming
/// the step and the scale or parameter and changing nothing, when one is not finite. The backend is
/// waited for once, when the optimiser is done.
template <class Tensor>
update_report update(training_state<Tensor>& state, const loss_gradient<Tensor>& found,
                     double rate, const training_options& options) {
  const gradient_norms<Tensor> norms(found.gradients, {found.loss.fine, found.loss.coarse});
  options.optimiser.update(state.weights, state.first_moment, state.second_moment, found.gradients,
                           norms.clip_coefficient(options.max_gradient_norm), rate, state.step + 1);
  const auto [sizes, losses] = norms.to_host();
  const auto require_finite = [&](double value, const std::string& what) {
    require(std::isfinite(value), text("training step ", state.step + 1, ": ", what), value,
            "a finite number");
  };
  require_finite(losses[0], "loss of the fine scale");
  require_finite(losses[1], "loss of the coarse scale");
  for (std::size_t i = 0; i < sizes.size(); ++i)
    require_finite(sizes[i], "norm of the gradient of " + state.weights.entries()[i].name);
  const double norm = global_norm(sizes);
  require_finite(static_cast<double>(static_cast<typename Tensor::value_type>(norm * norm)),
                 "squared norm of all gradients");
  ++state.step;
  options.average.update(state.average, state.weights, state.step);
  return {{losses[0], losses[1]}, norm};
}

/// Trains a network. The images of an epoch come in an order that depends on seed and epoch alone;
/// those left over when no whole batch remains are dropped.
template <class Architecture, class Tensor, class Source, class Objective, learning_rate Rate>
  requires image_source<Source, Tensor>
class trainer {
 public:
  /// Goes on from its own copy of `state`; `images` must outlive the trainer. Throws lift::error
  /// when there is no whole batch, when the parts of a batch are not equal, and when the state
  /// comes from a data set of another size.
  trainer(Architecture architecture, const training_state<Tensor>& state, const Source& images,
          Objective objective, Rate rate, const training_options& options = {})
      : architecture_(std::move(architecture)), state_(state.clone()), images_(&images),
        objective_(std::move(objective)), rate_(std::move(rate)), options_(options) {
    const std::size_t count = images.size(), batch = options.batch_size;
    require(batch > 0 && batch <= count, "batch size", batch,
            text("1 to the number of training images, ", count));
    require(options.accumulation > 0 && batch % options.accumulation == 0,
            "parts of a batch (gradient accumulation)", options.accumulation,
            text("a divisor of the batch size ", batch));
    require(state.images == 0 || state.images == count, "number of training images", count,
            text(state.images, " as when this training began"));
    state_.images = count;
  }

  const training_state<Tensor>& state() const { return state_; }
  std::uint64_t batches_per_epoch() const { return state_.images / options_.batch_size; }

  /// Takes one step. Throws lift::error, naming the step and what was not finite, when a loss or
  /// gradient is not; the state is then as before the step.
  step_report step() {
    const auto start = std::chrono::steady_clock::now();
    const bool next = state_.cursor + options_.batch_size > state_.images;
    const std::uint64_t epoch = state_.epoch + next, cursor = next ? 0 : state_.cursor;
    const double rate = rate_(state_.step);
    const auto [loss, norm] =
        update(state_, evaluate(batch_indices(epoch, cursor)), rate, options_);
    state_.samples += options_.batch_size;
    state_.epoch = epoch;
    state_.cursor = cursor + options_.batch_size;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return {state_.step, epoch, loss, norm, rate,
            static_cast<double>(options_.batch_size) / took.count()};
  }

  /// Takes steps until `last_step` have been taken in all, calling after_step(report) after each.
  template <class Callback>
  void run(std::uint64_t last_step, Callback&& after_step) {
    while (state_.step < last_step) after_step(step());
  }

 private:
  std::span<const std::size_t> batch_indices(std::uint64_t epoch, std::uint64_t cursor) {
    if (order_.empty() || order_epoch_ != epoch) {
      order_ = random_permutation({.seed = state_.seed, .use = purpose::data_order,
                                   .step = static_cast<std::uint32_t>(epoch)},
                                  state_.images);
      order_epoch_ = epoch;
    }
    return std::span(order_).subspan(cursor, options_.batch_size);
  }

  /// Mean losses and summed gradients of the parts of a batch.
  loss_gradient<Tensor> evaluate(std::span<const std::size_t> indices) const {
    const std::size_t parts = options_.accumulation, part = indices.size() / parts;
    const double share = 1 / static_cast<double>(parts);
    const scales<double> weights = objective_.regime.loss_weights();
    loss_gradient<Tensor> total{{}, std::vector<Tensor>(state_.weights.size())};
    for (std::size_t first = 0; first < indices.size(); first += part) {
      const Tensor clean = (*images_)(indices.subspan(first, part));
      require(clean.shape().rank() == 4 && clean.shape()[0] == part, "batch of training images",
              clean.shape(), text("(", part, ", channels, height, width)"));
      const auto batch = objective_.template batch<Architecture>(clean, state_.seed,
                                                                 state_.samples + first);
      const auto result = loss_and_gradients(architecture_, state_.weights, batch,
                                             {share * weights.fine, share * weights.coarse});
      const auto add_share = [&](Tensor& to, const Tensor& loss) {
        if (!loss.empty())
          op::accumulate(to, scaled(loss, static_cast<typename Tensor::value_type>(share)));
      };
      add_share(total.loss.fine, result.loss.fine);
      add_share(total.loss.coarse, result.loss.coarse);
      for (std::size_t i = 0; i < total.gradients.size(); ++i)
        op::accumulate(total.gradients[i], result.gradients[i]);
    }
    return total;
  }

  Architecture architecture_;
  training_state<Tensor> state_;
  const Source* images_;
  Objective objective_;
  Rate rate_;
  training_options options_;
  std::vector<std::size_t> order_;
  std::uint64_t order_epoch_ = 0;
};

}  // namespace lift
