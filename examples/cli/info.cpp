// SPDX-License-Identifier: MIT

#include <algorithm>

#include <lift/io/checkpoint.hpp>
#include <lift/io/heatmap_file.hpp>
#include <lift/io/path_file.hpp>

#include "commands.hpp"
#include "images.hpp"
#include "model_file.hpp"

namespace lift::cli {
namespace {

struct info_settings : session {
  std::vector<std::string> names;
};

json schedule_info(const std::string& name) {
  const any_schedule schedule = make_schedule(name);
  const auto at = [&](std::size_t t) {
    return json{{"alpha_bar", schedule.alpha_bar(t)}, {"snr", snr(schedule, t)}};
  };
  json timesteps;
  for (const double gamma : {0.01, 0.1, 1.0, 10.0, 100.0})
    timesteps[text("SNR ", gamma)] = timestep_from_snr(schedule, gamma);
  return {{"kind", "noise schedule"},
          {"timesteps", schedule.num_timesteps()},
          {"first", at(0)},
          {"last", at(schedule.num_timesteps() - 1)},
          {"nearest_timesteps", timesteps}};
}

template <std::size_t N>
json heatmap_info(const error_heatmap<N>& heatmap, const nlohmann::json& document) {
  const auto range = [](const grid<N>& values) {
    const auto [low, high] = std::minmax_element(values.values().begin(), values.values().end());
    return json{*low, *high};
  };
  json result = {{"kind", "error heatmap"},
                 {"scales", N},
                 {"points", heatmap.size()},
                 {"snr", {heatmap.gamma.front(), heatmap.gamma.back()}},
                 {"timesteps", {heatmap.timesteps.front(), heatmap.timesteps.back()}}};
  for (std::size_t scale = 0; scale < N; ++scale)
    result[scale_name(scale, N) + "_error"] = range(heatmap.of(scale));
  result["cross_blocks"] = N > 1 && !heatmap.error[0][N - 1].empty();
  result["settings"] = json(document.value("settings", nlohmann::json::object()));
  return result;
}

json path_info(const path& file, const nlohmann::json& document) {
  const any_path read = load_any_path(file);
  return {{"kind", "sampling path"},
          {"policy", read.policy},
          {"evaluations", read.timesteps.size()},
          {"first", to_json(read).front()},
          {"last", to_json(read).back()},
          {"settings", json(document.value("settings", nlohmann::json::object()))}};
}

json document_info(const path& file) {
  const nlohmann::json document = read_json(file);
  const std::string format = document.is_object() && document.contains("format") &&
                                     document["format"].is_string()
                                 ? document["format"].get<std::string>()
                                 : "";
  if (format == "lift error heatmap")
    return std::visit([&](const auto& map) { return heatmap_info(map, document); },
                      load_any_heatmap(file));
  if (format == "lift sampling path") return path_info(file, document);
  throw error(text(file.string(), ": neither a heatmap nor a path"));
}

/// The text of a PNG, parsed where it is a JSON object.
json text_value(const std::string& value) {
  try {
    json parsed = parse_json<json>(value, "a text");
    if (parsed.is_object()) return parsed;
  } catch (const error&) {
    // any text is as good
  }
  return value;
}

json picture_info(const path& file, const file_content& content) {
  image_text texts;
  const auto bytes = read_file(file);
  const image picture = content.kind == file_kind::png ? decode_png(bytes, file.string(), &texts)
                                                       : decode_image(bytes, file.string());
  json result = {{"kind", content.name}, {"width", picture.width}, {"height", picture.height}};
  for (const auto& [keyword, value] : texts) result.emplace(keyword, text_value(value));
  return result;
}

json dataset_info(const info_settings& s, const path& source) {
  const image_dataset data = data_options{.source = source, .max_bad = 1'000'000}.load(s, 64);
  return {{"kind", "data set"},
          {"images", data.size()},
          {"unreadable", data.bad().size()},
          {"first", path_text(data.name(0))},
          {"last", path_text(data.name(data.size() - 1))},
          {"classes", data.classes()}};
}

json index_info(const image_index& index) {
  const std::string why = index.stale();
  return {{"kind", "image index"},
          {"source", path_text(index.source)},
          {"images", index.images.size()},
          {"shards", index.shards.size()},
          {"first", path_text(std::string(index.names[0]))},
          {"last", path_text(std::string(index.names[index.names.size() - 1]))},
          {"classes", index.classes},
          {"stale", why.empty() ? json(false) : json(why)}};
}

json checkpoint_info(const info_settings& s, const path& file) {
  const stored_network model = model_options{.checkpoint = file}.read(s);
  const auto weights =
      std::visit([](const auto& a) { return declared_parameters(a); }, model.architecture);
  std::size_t scalars = 0;
  for (const auto& each : weights) scalars += each.shape.size();
  json result = {{"kind", "checkpoint"}};
  unet_config::for_each_field(
      config_of(model.architecture),
      [&](const char* name, const auto& value) { result[name] = setting_value(value); });
  result.update({{"parameters", scalars}, {"tensors", weights.size()}});
  result.update(model.identity);
  result["settings"] = model.settings;
  return result;
}

/// What a file is shows in its first bytes.
json file_info(const info_settings& s, const std::string& name) {
  const path file = name;
  std::error_code unknown;  // then reading it says why
  if (!std::filesystem::exists(file, unknown) && !unknown) {
    for (const std::string& schedule : names_of(schedule_choices))
      if (name == schedule) return schedule_info(name);
    throw error(text("no file ", name, ", and no schedule of that name (",
                     names(schedule_choices), ")"));
  }
  if (std::filesystem::is_directory(file, unknown))
    return newest_checkpoint(file) ? checkpoint_info(s, file) : dataset_info(s, file);
  const file_content content = content_of(file);
  if (content.is_image()) return picture_info(file, content);
  if (content.kind == file_kind::archive) return dataset_info(s, file);
  if (content.kind == file_kind::image_index) return index_info(load_image_index(file));
  if (content.kind == file_kind::json) return document_info(file);
  return checkpoint_info(s, file);
}

void describe(const info_settings& s) {
  json result = json::object();
  for (const std::string& name : s.names) result[path_text(name)] = file_info(s, name);
  answer(s, result);
}

}  // namespace

void add_info(CLI::App& program) {
  const auto s = std::make_shared<info_settings>();
  CLI::App& app = add_command(
      program, "info", "Tells what a checkpoint, heatmap, path, picture, data set or schedule is",
      "lift info run heatmap.json dp-64.json emoji.zip cosine", s, describe);
  app.add_option("FILE", s->names, "Files, folders, or names of schedules")->required();
}

}  // namespace lift::cli
