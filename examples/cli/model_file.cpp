// SPDX-License-Identifier: MIT

#include "model_file.hpp"

#include <lift/model/model.hpp>

namespace lift::cli {

json read_settings(const lift::checkpoint& stored, const path& file) {
  const auto found = stored.metadata().find("settings");
  if (found == stored.metadata().end()) return json::object();
  const std::string source = file.string() + ": its settings";
  json settings = parse_json<json>(found->second, source);
  if (!settings.is_object()) throw error(text(source, ": not a JSON object"));
  return settings;
}

std::string undefined_estimate(const std::string& prediction, const std::string& schedule) {
  return lift::undefined_estimate(make_prediction(prediction), make_schedule(schedule), schedule);
}

stored_network model_options::read(const session& s) const {
  const path file = find_checkpoint(checkpoint);
  lift::checkpoint stored(file);
  for (const std::string& unusual : stored.remarks()) remark(s, unusual);
  const json settings = read_settings(stored, file);
  const auto setting = [&]<class Value>(const std::optional<Value>& given, const char* name,
                                        const Value& otherwise) {
    if (given || !settings.contains(name)) return given.value_or(otherwise);
    return json_field<Value>(settings, file.string(), name);
  };
  const std::string predicted = setting(prediction, "prediction", std::string("noise"));
  const std::string noise_schedule = setting(schedule, "schedule", std::string("cosine"));
  const std::size_t side = setting(size, "size", std::size_t{64});
  require(side <= max_image_side, "size of the images of " + file.string(), side,
          text("at most ", max_image_side));
  any_architecture architecture =
      choose("architecture", architecture_choices, stored.architecture(), stored.hidden_dims());
  std::visit([&](const auto& a) { require_unet_size(a.hidden_dims, side); }, architecture);
  if (const std::string problem = undefined_estimate(predicted, noise_schedule); !problem.empty()) {
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
      {"size", side},
      {"prediction", predicted},
      {"schedule", noise_schedule}};
  for (const char* name : {"data", "data_fingerprint"})
    if (settings.contains(name)) identity[text("training_", name)] = settings[name];
  return {file, std::move(stored), kind,    std::move(architecture), predicted, noise_schedule,
          side, settings,          identity};
}

model_file model_options::load(const session& s) const {
  stored_network stored = read(s);
  const model_setup setup{stored.architecture, make_prediction(stored.prediction),
                          make_schedule(stored.schedule)};
  return {stored.file, find_engine(backend).load(stored.weights, setup, stored.kind),
          setup.schedule, stored.size, stored.identity};
}

}  // namespace lift::cli
