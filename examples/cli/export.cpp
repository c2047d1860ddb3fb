// SPDX-License-Identifier: MIT

#include <lift/backend/cpu/xtensor_backend.hpp>

#include "commands.hpp"
#include "interruption.hpp"
#include "model_file.hpp"

namespace lift::cli {
namespace {

constexpr choice<dtype> dtype_choices[] = {
    {"f32", [] { return dtype::f32; }},
    {"f16", [] { return dtype::f16; }},
    {"bf16", [] { return dtype::bf16; }},
};

struct export_settings : session {
  model_options model;
  std::string type = "f32";
  path output;
};

void export_weights(const export_settings& s) {
  interruption::install();
  require_not_input(s.output, {s.model.checkpoint});
  output_file output(s.output);
  const stored_network stored = s.model.read(s);
  json settings = stored.settings;
  for (const char* name : {"size", "prediction", "schedule"})
    settings[name] = stored.identity[name];
  for (const char* place : {"data_absolute", "data_from_run"}) settings.erase(place);
  std::map<std::string, std::string> metadata = {{"settings", json_text(settings)}};
  if (const json& step = stored.identity["step"]; !step.is_null()) metadata["step"] = json_text(step);

  std::size_t tensors = 0, scalars = 0;
  std::visit(
      [&](const auto& a) {
        const auto weights = stored.weights.weights<tensor<xtensor_backend, float>>(a, stored.kind);
        save_weights(std::move(output), a, weights, stored.kind,
                     choose("element type", dtype_choices, s.type), metadata);
        tensors = weights.size();
        scalars = weights.scalar_count();
      },
      stored.architecture);
  report(s, {{"output", path_text(s.output)},
             {"weights", stored.identity["weights"]},
             {"dtype", s.type},
             {"tensors", tensors},
             {"parameters", scalars}});
}

}  // namespace

void add_export(CLI::App& program) {
  const auto s = std::make_shared<export_settings>();
  CLI::App& app = add_command(
      program, "export", "Writes the weights of a network alone, to share or to train on from",
      "lift export --checkpoint run --output weights.safetensors --dtype f16", s, export_weights);
  s->model.add_file(app);
  choice_option(app, "--dtype", s->type, names_of(dtype_choices), "Type of the numbers");
  output_option(app, s->output, "safetensors file");
}

}  // namespace lift::cli
