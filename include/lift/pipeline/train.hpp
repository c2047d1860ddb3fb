// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <lift/pipeline/trained_model.hpp>
#include <lift/train/any_optimiser.hpp>
#include <lift/train/any_regime.hpp>
#include <lift/train/trainer.hpp>

namespace lift {

/// How `train` trains; the learning rate falls along a cosine over all steps.
struct train_options {
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};
  std::size_t epochs = 100;
  std::size_t steps = 0;  ///< instead of epochs, where it is not 0
  double learning_rate = 1e-4;
  training_options<any_optimiser> update = {};
  lift::prediction prediction = predicts_noise{};
  std::string schedule = "cosine";
  any_regime regime = {};
  std::uint64_t seed = 42;
  /// Called after each step with its number, from 1, and the loss.
  std::function<void(std::uint64_t step, double loss)> on_step = {};
};

/// Trains a network on a data set; returns it with the moving average of its weights. Throws
/// lift::error as `trainer`, for sizes that the architecture cannot take, and for a prediction that
/// cannot be used on the schedule.
template <class Architecture = lift_unet, backend Backend = xtensor_backend>
trained_model<Architecture, Backend> train(const image_dataset& data,
                                           const train_options& options = {}) {
  using Tensor = tensor<Backend, float>;
  const Architecture architecture{options.hidden_dims};
  require_unet_size(options.hidden_dims, data.side());
  const dataset_images<Tensor> images{&data};
  const std::size_t batches = data.size() / std::max<std::size_t>(options.update.batch_size, 1);
  const std::uint64_t steps = options.steps ? options.steps : options.epochs * batches;
  const any_schedule schedule = make_schedule(options.schedule);
  if (const auto problem = undefined_estimate(options.prediction, schedule, options.schedule);
      !problem.empty())
    throw error(problem);
  trainer run(architecture,
              training_state(network<Architecture, Tensor>(architecture, options.seed).weights,
                             options.seed, options.update.optimiser),
              images, objective{schedule, options.regime, options.prediction},
              cosine_annealing{.steps = steps, .first = options.learning_rate}, options.update);
  run.run(steps, [&](const auto& report) {
    double loss = 0;
    for (const double of_scale : report.loss) loss += of_scale;
    if (options.on_step) options.on_step(report.step, loss);
  });
  return {network<Architecture, Tensor>(architecture, run.state().average), options.prediction,
          options.schedule, data.side(), weight_kind::average};
}

}  // namespace lift
