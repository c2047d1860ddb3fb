// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <lift/io/checkpoint.hpp>
#include <lift/io/model_settings.hpp>
#include <lift/schedule/any_schedule.hpp>

#include "engine.hpp"
#include "options.hpp"
#include "report.hpp"

namespace lift::cli {

/// The weights of a network as a file has them, and what is known of the network.
struct stored_network {
  path file;
  lift::checkpoint weights;
  weight_kind kind;  ///< which of them are wanted
  any_architecture architecture;
  model_settings told;  ///< by the file, or by flags instead
  json settings;        ///< those of `lift train`; empty where the file has none
  json identity;        ///< what the files made with it say of it
};

/// A trained network on a backend.
struct model_file {
  path file;
  std::shared_ptr<const model_on_backend> model;
  any_schedule schedule;
  image_size size;  ///< of the fine images
  std::size_t classes;  ///< whose labels it is told; 0: none
  std::vector<std::string> class_names;
  json identity;  ///< what the files made with it say of it
};

/// Why a network that predicts this cannot be used on the schedule; empty if it can.
std::string undefined_estimate(const std::string& prediction, const std::string& schedule);

/// The schedule of a training that names none, by what the network predicts: the usual one, or where
/// its estimate is undefined there, as some want a signal at every timestep, cosine.
const char* usual_schedule(preset side, const std::optional<std::string>& prediction);

inline CLI::Option* backend_option(CLI::App& app, std::string& value) {
  return choice_option(app, "--backend", value, engine_names(), "What computes the network");
}

inline CLI::Option* weights_option(CLI::App& app, std::optional<std::string>& value) {
  return choice_option(app, "--weights", value, {"ema", "raw"},
                       "Moving average of the weights, or the weights themselves [ema where there "
                       "is one]");
}

/// The flags that name a network.
struct model_options {
  path checkpoint;
  std::optional<std::string> weights = {};
  std::string backend = engine_names().front();
  std::optional<image_size> size = {};
  std::optional<std::string> prediction = {}, schedule = {};

  void add(CLI::App& app) {
    add_file(app);
    backend_option(app, backend);
  }
  /// Those that do not use it.
  void add_file(CLI::App& app) {
    option(app, "--checkpoint", checkpoint,
           "Checkpoint, or the --outdir of `lift train`: its newest")
        ->required();
    weights_option(app, weights);
    size_option(app, size)->description("Side of the fine images, or WIDTHxHEIGHT [as trained]");
    choice_option(app, "--prediction", prediction, names_of(prediction_choices),
                  "What the network predicts [as trained]");
    schedule_option(app, schedule)->description("Noise schedule [as trained]");
  }

  /// Reads the file, and says what is unusual in it; throws lift::error if its tensors do not fit
  /// the architecture they belong to, and if it and the flags make no network that can be used.
  stored_network read(const session& s) const;
  /// The same, ready to compute.
  model_file load(const session& s) const;
};

}  // namespace lift::cli
