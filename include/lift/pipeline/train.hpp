// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <lift/pipeline/dataset_images.hpp>
#include <lift/pipeline/trained_model.hpp>
#include <lift/train/any_optimiser.hpp>
#include <lift/train/any_regime.hpp>
#include <lift/train/trainer.hpp>

namespace lift {

/// How `train` trains; the learning rate falls along a cosine over all steps.
template <network_config Config = unet_config>
struct train_options {
  Config config = {};  ///< of the architecture
  std::size_t epochs = 100;
  std::size_t steps = 0;  ///< instead of epochs, where it is not 0
  double learning_rate = 1e-4;
  training_options<any_optimiser> update = {};
  lift::prediction prediction = predicts_clean{};
  std::string schedule = "cosine-ztsnr";
  any_regime regime = {};
  loss_weighting weighting = {};
  /// Whether the network is told the class of an image, its folder, but for this share of them.
  bool labels = false;
  double label_dropout = 0.1;
  std::uint64_t seed = 42;
  /// Called after each step with its number, from 1, and the loss.
  std::function<void(std::uint64_t step, double loss)> on_step = {};
};

/// Trains a network on a data set; returns it with the moving average of its weights. Throws
/// lift::error as `trainer`, for sizes that the architecture cannot take, for a prediction that
/// cannot be used on the schedule, and for labels of a data set without classes.
template <network_architecture Architecture = lift_unet, backend Backend = xtensor_backend>
trained_model<Architecture, Backend> train(
    const image_dataset& data, const train_options<config_type<Architecture>>& options = {}) {
  using Tensor = tensor<Backend, float>;
  using trained = trained_model<Architecture, Backend>;
  Architecture architecture{options.config};
  if (options.labels) data.require_labels();
  if constexpr (conditional_architecture<Architecture>) {
    if (options.labels) architecture.config.classes = data.classes().size();
  } else {
    require(!options.labels, "labels of an architecture without condition", "asked for", "none");
  }
  require_multiple("side of the training images", data.sides(),
                   architecture.config.size_factor());
  // Made first, as it throws for what cannot be used in the end.
  trained result(network<Architecture, Tensor>(architecture, options.seed), options.prediction,
                 options.schedule, data.sides(), weight_kind::average,
                 options.labels ? data.classes() : std::vector<std::string>());
  dataset_images<Tensor> images{&data, options.labels};
  if constexpr (uploading_backend<Backend>) images.keep_on_backend();
  const std::size_t batches = data.size() / std::max<std::size_t>(options.update.batch_size, 1);
  const std::uint64_t steps = options.steps ? options.steps : options.epochs * batches;
  trainer run(architecture,
              training_state(result.network.plain().weights, options.seed,
                             options.update.optimiser),
              images,
              objective<any_schedule, any_regime, decltype(result.pyramid())>{
                  .schedule = result.schedule,
                  .regime = options.regime,
                  .prediction = options.prediction,
                  .pyramid = result.pyramid(),
                  .label_dropout = options.label_dropout,
                  .weighting = options.weighting},
              cosine_annealing{.steps = steps, .first = options.learning_rate}, options.update);
  run.run(steps, [&](const auto& report) {
    double loss = 0;
    for (const double of_scale : report.loss) loss += of_scale;
    if (options.on_step) options.on_step(report.step, loss);
  });
  result.network = detail::trained_network<Architecture, Backend>(
      network<Architecture, Tensor>(architecture, run.state().average));
  return result;
}

}  // namespace lift
