// SPDX-License-Identifier: MIT

#include "model_file.hpp"

namespace lift::cli {
json read_settings(const lift::checkpoint& stored, const path& file) {
  const auto found = stored.metadata().find("settings");
  if (found == stored.metadata().end()) return json::object();
  const std::string source = file.string() + ": its settings";
  json settings = parse_json<json>(found->second, source);
  if (!settings.is_object()) throw error(text(source, ": not a JSON object"));
  return settings;
}

model_file model_options::load() const {
  const path file = find_checkpoint(checkpoint);
  const lift::checkpoint stored(file);
  const json settings = read_settings(stored, file);
  const auto setting = [&]<class Value>(const std::optional<Value>& given, const char* name,
                                        const Value& otherwise) {
    if (given || !settings.contains(name)) return given.value_or(otherwise);
    return json_field<Value>(settings, file.string(), name);
  };
  const std::string predicted = setting(prediction, "prediction", std::string("noise"));
  const std::string noise_schedule = setting(schedule, "schedule", std::string("cosine"));
  const std::size_t side = setting(size, "size", std::size_t{64});

  any_architecture architecture =
      choose("architecture", architecture_choices, stored.architecture(), stored.hidden_dims());
  std::visit([&](const auto& a) { require_unet_size(a.hidden_dims, side); }, architecture);
  auto evaluate = find_engine(backend).load(
      stored, architecture, weights == "ema" ? weight_kind::average : weight_kind::trained);

  return {file,
          {std::move(architecture), std::move(evaluate)},
          choose("prediction", prediction_choices, predicted),
          make_schedule(noise_schedule),
          side,
          settings,
          {{"checkpoint", path_text(file)},
           {"step", stored.resumable() ? json(stored.counter("step")) : json()},
           {"model", stored.architecture()},
           {"weights", weights},
           {"size", side},
           {"prediction", predicted},
           {"schedule", noise_schedule}}};
}

}  // namespace lift::cli
