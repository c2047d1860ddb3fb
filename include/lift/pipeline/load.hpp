// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <lift/io/checkpoint.hpp>
#include <lift/io/model_settings.hpp>
#include <lift/pipeline/trained_model.hpp>

namespace lift {

/// The network that `train` or the command `lift train` left in a file, or the newest of a folder:
/// the moving average of its weights where there is one, or those asked for. What the file does not
/// tell is noise prediction, the cosine schedule and 64 pixels. Throws lift::error, naming the file,
/// where it cannot be read or holds a network of another architecture.
template <network_architecture Architecture = lift_unet, backend Backend = xtensor_backend>
trained_model<Architecture, Backend> load(const std::filesystem::path& file_or_folder,
                                          std::optional<weight_kind> which = {}) {
  const std::filesystem::path file = find_checkpoint(file_or_folder);
  const checkpoint stored(file, std::span(&kind_of<Architecture>, 1));
  const auto settings = read_model_settings(stored_settings(stored), stored.source());
  const Architecture architecture{read_config<config_type<Architecture>>(stored.config())};
  require_multiple("size of the images of " + stored.source(), settings.size,
                   architecture.config.size_factor());
  std::size_t classes = 0;
  if constexpr (conditional_architecture<Architecture>) classes = architecture.config.classes;
  require(settings.class_names.empty() || settings.class_names.size() == classes,
          "names of classes in " + stored.source(), settings.class_names.size(), classes);
  using Tensor = tensor<Backend, float>;
  const weight_kind kind = which.value_or(stored.default_kind());
  return {network<Architecture, Tensor>(architecture, stored.weights<Tensor>(architecture, kind)),
          make_prediction(settings.prediction),
          settings.schedule,
          settings.size,
          kind,
          settings.class_names};
}

/// Writes what `load`, and the command, read; throws lift::error where the file cannot be written.
template <class Architecture, backend Backend>
void save(output_file file, const trained_model<Architecture, Backend>& trained) {
  const auto& net = trained.network.plain();
  nlohmann::json settings = {{"prediction", trained.prediction.name()},
                             {"schedule", trained.schedule_name},
                             {"size", trained.size}};
  if (!trained.class_names.empty()) settings["class_names"] = trained.class_names;
  save_weights(std::move(file), net.architecture, net.weights, trained.kind, dtype::f32,
               {{"settings", json_text(settings)}});
}

}  // namespace lift
