// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <lift/io/checkpoint.hpp>
#include <lift/io/json_file.hpp>
#include <lift/pipeline/trained_model.hpp>

namespace lift {

/// The network that `train` or the command `lift train` left in a file, or the newest of a folder:
/// the moving average of its weights where there is one, or those asked for. What the file does not
/// tell is noise prediction, the cosine schedule and 64 pixels. Throws lift::error, naming the file,
/// where it cannot be read or holds a network of another architecture.
template <class Architecture = lift_unet, backend Backend = xtensor_backend>
trained_model<Architecture, Backend> load(const std::filesystem::path& file_or_folder,
                                          std::optional<weight_kind> which = {}) {
  const std::filesystem::path file = find_checkpoint(file_or_folder);
  const checkpoint stored(file);
  const std::string source = file.string() + ": its settings";
  const auto found = stored.metadata().find("settings");
  const nlohmann::json settings = found == stored.metadata().end()
                                      ? nlohmann::json::object()
                                      : parse_json(found->second, source);
  if (!settings.is_object()) throw error(source + ": not a JSON object");
  const auto setting = [&]<class Value>(const char* name, const Value& otherwise) {
    return settings.contains(name) ? json_field<Value>(settings, source, name) : otherwise;
  };
  const Architecture architecture{stored.hidden_dims()};
  using Tensor = tensor<Backend, float>;
  const weight_kind kind = which.value_or(stored.default_kind());
  return {network<Architecture, Tensor>(architecture, stored.weights<Tensor>(architecture, kind)),
          make_prediction(setting("prediction", std::string("noise"))),
          setting("schedule", std::string("cosine")), setting("size", std::size_t{64}),
          kind};
}

/// Writes what `load`, and the command, read; throws lift::error where the file cannot be written.
template <class Architecture, backend Backend>
void save(output_file file, const trained_model<Architecture, Backend>& trained) {
  const auto& net = trained.network.plain();
  const nlohmann::json settings = {{"prediction", trained.prediction.name()},
                                   {"schedule", trained.schedule_name},
                                   {"size", trained.size}};
  save_weights(std::move(file), net.architecture, net.weights, trained.kind, dtype::f32,
               {{"settings", json_text(settings)}});
}

}  // namespace lift
