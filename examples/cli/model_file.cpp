// SPDX-License-Identifier: MIT

#include "model_file.hpp"

#include <lift/model/model.hpp>

namespace lift::cli {

std::string undefined_estimate(const std::string& prediction, const std::string& schedule) {
  return lift::undefined_estimate(make_prediction(prediction), make_schedule(schedule), schedule);
}

const char* usual_schedule(preset side, const std::optional<std::string>& prediction) {
  const usual usually = usual_of(side);
  const bool defined = undefined_estimate(prediction.value_or(usually.prediction), usually.schedule).empty();
  return defined ? usually.schedule : "cosine";
}

stored_network model_options::read(const session& s) const {
  const path file = find_checkpoint(checkpoint);
  lift::checkpoint stored(file);
  for (const std::string& unusual : stored.remarks()) remark(s, unusual);
  const json settings = stored_settings<json>(stored);
  model_settings told = read_model_settings(settings, stored.source());
  if (prediction) told.prediction = *prediction;
  if (schedule) told.schedule = *schedule;
  if (size) told.size = *size;
  const auto config = read_config<unet_config>(stored.config());
  any_architecture architecture = make_architecture(stored.architecture(), config);
  config.require_size(told.size);
  require(config.image_channels == 3, "channels of the images of " + file.string(),
          config.image_channels, 3);
  require(told.class_names.empty() || told.class_names.size() == config.classes,
          "names of classes in " + file.string(), told.class_names.size(), config.classes);
  if (const std::string problem = undefined_estimate(told.prediction, told.schedule);
      !problem.empty()) {
    require_use(!prediction && !schedule, problem);
    throw error(text(file.string(), ": ", problem));
  }

  weight_kind kind = stored.default_kind();
  if (weights) kind = *weights == "ema" ? weight_kind::average : weight_kind::trained;
  json identity = {
      {"checkpoint", path_text(file)},
      {"step", stored.metadata().contains("step") ? json(stored.counter("step")) : json()},
      {"model", stored.architecture()},
      {"weights", kind == weight_kind::average ? "ema" : "raw"},
      {"fingerprint", stored.fingerprint()},
      {"scales", scale_count(architecture)},
      {"pyramid", config.pyramid},
      {"told_timesteps", config.told_timesteps},
      {"size", told.size},
      {"prediction", told.prediction},
      {"schedule", told.schedule}};
  for (const char* name : {"data", "data_fingerprint"})
    if (settings.contains(name)) identity[text("training_", name)] = settings[name];
  return {file, std::move(stored), kind, std::move(architecture), std::move(told), settings,
          identity};
}

model_file model_options::load(const session& s) const {
  stored_network stored = read(s);
  const model_setup setup{stored.architecture, make_prediction(stored.told.prediction),
                          make_schedule(stored.told.schedule)};
  return {stored.file,
          find_engine(backend).load(stored.weights, setup, stored.kind),
          setup.schedule,
          stored.told.size,
          config_of(stored.architecture).classes,
          stored.told.class_names,
          stored.identity};
}

}  // namespace lift::cli
