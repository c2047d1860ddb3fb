// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lift/core/image_size.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/io/image.hpp>
#include <lift/io/json_file.hpp>

namespace lift {

/// What a file of weights tells of a model beside its network, as `lift train` and `save` write it
/// in the settings of its metadata; what is not told is as here.
struct model_settings {
  std::string prediction = "noise", schedule = "cosine";
  image_size size = 64;                       ///< of the fine images
  std::vector<std::string> class_names = {};  ///< by their numbers, where it is told labels
};

/// The settings that a file was saved with, a JSON object; empty where it has none. Throws
/// lift::error, naming the file, where they are something else.
template <class Json = nlohmann::json>
Json stored_settings(const checkpoint& stored) {
  const auto found = stored.metadata().find("settings");
  if (found == stored.metadata().end()) return Json::object();
  const std::string source = stored.source() + ": its settings";
  Json settings = parse_json<Json>(found->second, source);
  if (!settings.is_object()) throw error(source + ": not a JSON object");
  return settings;
}

/// What settings tell of a model; throws lift::error, naming their `source` and the field, for a
/// field of another type, and a size that no image has.
template <class Json>
model_settings read_model_settings(const Json& settings, const std::string& source) {
  model_settings result;
  const auto read = [&]<class Value>(const char* name, Value& value) {
    if (settings.contains(name)) value = json_field<Value>(settings, source, name);
  };
  read("prediction", result.prediction);
  read("schedule", result.schedule);
  read("size", result.size);
  read("class_names", result.class_names);
  for (const std::size_t side : {result.size.width, result.size.height})
    require(side >= 1 && side <= max_image_side, "size of the images of " + source, result.size,
            side == 0 ? "at least 1" : text("at most ", max_image_side));
  return result;
}

}  // namespace lift
