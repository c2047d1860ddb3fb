// SPDX-License-Identifier: MIT

#include <cmath>
#include <utility>

#include <lift/metric/denoising_error.hpp>

#include "commands.hpp"
#include "images.hpp"
#include "measure_result.hpp"
#include "model_file.hpp"
#include "resuming.hpp"

namespace lift::cli {
namespace {

constexpr choice<estimate> estimate_choices[] = {
    {"noise", [] { return estimate::noise; }},
    {"clean", [] { return estimate::clean; }},
};

struct mse_settings : session {
  model_options model;
  data_options data;
  std::size_t timestep = 500, num_images = 500, batch_size = 32;
  std::uint64_t seed = 42;
  std::optional<std::string> of;
  result_options result;
};

template <std::size_t N>
json result_of(const denoising_error<N>& e) {
  const auto pair = [](const sample_mean& m) {
    const bool single = std::isnan(m.standard_error) && std::isfinite(m.mean);
    return json{m.mean, single ? json() : json(m.standard_error)};
  };
  json result;
  for (std::size_t scale = 0; scale < N; ++scale) result[scale_name(scale, N)] = pair(e.of[scale]);
  result["mean"] = pair(e.mean);
  return result;
}

/// With all scales noisy and, where there are others, with each one clean, the coarsest first.
template <std::size_t N>
json result_of(const denoising_errors<N>& e) {
  json result = {{N == 2 ? "both_noisy" : "all_noisy", result_of(e.all_noisy)}};
  for (std::size_t scale = N; N > 1 && scale-- > 0;)
    result[scale_name(scale, N) + "_clean"] = result_of(e.one_clean[scale]);
  return result;
}

void measure_mse(const mse_settings& s) {
  interruption::install();
  auto output = s.result.claim({s.model.checkpoint, s.data.source});
  const model_file model = s.model.load(s);
  const std::size_t timesteps = model.schedule.num_timesteps();
  require(s.timestep < timesteps, "--timestep", s.timestep, text("below ", timesteps));
  const std::string of =
      s.of.value_or(model.identity["prediction"] == "noise" ? "noise" : "clean");
  const image_dataset data = interruptible([&] { return s.data.load(s, model.size); });
  const host_array images = random_images(data, s.num_images, s.seed);
  const any_denoising_errors errors = interruptible([&] {
    return model.model->measure_errors(
        images, {.wanted = choose("--of", estimate_choices, of), .timestep = s.timestep, .batch_size = s.batch_size, .seed = s.seed});
  });
  json result = std::visit([](const auto& e) { return result_of(e); }, errors);
  result.update({{"numbers", text("mean-squared error of the ", of == "noise" ? of : "clean images",
                                  ", standard error")},
                 {"of", of},
                 {"timestep", s.timestep},
                 {"data", path_text(s.data.source)},
                 {"data_fingerprint", fingerprint(data, data.size())},
                 {"images", images.shape[0]},
                 {"size", model.size},
                 {"model", model.identity}});
  s.result.deliver(s, std::move(output), result);
}

}  // namespace

void add_measure(CLI::App& program) {
  CLI::App& measure = *program.add_subcommand("measure", "Measures images or a network");
  measure.require_subcommand(1);
  measure.footer("Example:\n  lift measure frechet --data samples --against emoji.zip --size 64");

  add_feature_measures(measure);
  add_pair_measures(measure);

  const auto m = std::make_shared<mse_settings>();
  CLI::App& mse = add_command(
      measure, "mse", "Mean-squared error of a network with all scales noisy, or one clean",
      "lift measure mse --checkpoint run --data emoji.zip --timestep 500", m, measure_mse);
  m->model.add(mse);
  m->data.add(mse);
  choice_option(mse, "--of", m->of, names_of(estimate_choices),
                "Whose error: that of the noise, or of the clean image [noise if the network predicts that]");
  number_option(mse, "--timestep", m->timestep, "Timestep of a noisy scale", from_zero);
  num_images_option(mse, m->num_images);
  batch_size_option(mse, m->batch_size);
  seed_option(mse, m->seed);
  m->result.add(mse);
}

}  // namespace lift::cli
