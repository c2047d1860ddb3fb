// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <lift/io/checkpoint.hpp>
#include <lift/schedule/any_schedule.hpp>

#include "any_network.hpp"
#include "options.hpp"
#include "report.hpp"

namespace lift::cli {

/// A trained network and what is needed to use it.
struct model_file {
  path file;
  any_network network;
  any_prediction prediction;
  any_schedule schedule;
  std::size_t size;  ///< side of the fine images
  json settings;     ///< those of `lift train`; empty for weights alone
  json identity;     ///< what the files made with it say of it
};

/// The settings that `lift train` left in a checkpoint; none in a file of weights alone.
json read_settings(const lift::checkpoint& stored, const path& file);

inline CLI::Option* backend_option(CLI::App& app, std::string& value) {
  return choice_option(app, "--backend", value, engine_names(), "What computes the network");
}

/// The flags that name a network.
struct model_options {
  path checkpoint;
  std::string weights = "ema", backend = xtensor_backend::name;
  std::optional<std::size_t> size = {};
  std::optional<std::string> prediction = {}, schedule = {};

  void add(CLI::App& app) {
    option(app, "--checkpoint", checkpoint,
           "Checkpoint, or the --outdir of `lift train`: its newest")
        ->required();
    choice_option(app, "--weights", weights, {"ema", "raw"},
                  "Moving average of the weights, if there is one, or the weights themselves");
    backend_option(app, backend);
    size_option(app, size)->description("Side of the fine images [as trained]");
    choice_option(app, "--prediction", prediction, names_of(prediction_choices),
                  "What the network predicts [as trained]");
    choice_option(app, "--schedule", schedule, names_of(schedule_choices),
                  "Noise schedule [as trained]");
  }

  /// Reads it; throws lift::error if its tensors do not fit the architecture they belong to.
  model_file load() const;
};

}  // namespace lift::cli
