// SPDX-License-Identifier: MIT

#include <cmath>
#include <optional>
#include <utility>

#include <lift/io/json_file.hpp>
#include <lift/metric/denoising_error.hpp>
#include <lift/metric/frechet.hpp>
#include <lift/metric/scattering_features.hpp>

#include "commands.hpp"
#include "images.hpp"
#include "model_file.hpp"
#include "progress.hpp"
#include "resuming.hpp"

namespace lift::cli {
namespace {

/// What both measures take beside the images: what to call the result, and where to put it.
struct result_options {
  path output;
  std::string label;
  std::optional<double> epoch;

  void add(CLI::App& app) {
    option(app, "--output", output, "Also write the result to this JSON file, for `lift plot`");
    option(app, "--label", label, "Name of the result in a figure");
    number_option(app, "--epoch", epoch, "Where the result stands along a curve", real_from_zero);
  }

  /// The file of --output, claimed before the work; none if it is not given. Throws `misuse` where
  /// it is one of the inputs.
  std::optional<output_file> claim(const std::vector<path>& inputs) const {
    if (output.empty()) return std::nullopt;
    require_not_input(output, inputs);
    return std::optional<output_file>(std::in_place, output);
  }

  /// Throws lift::error, naming the number, for a result that is not finite.
  void deliver(const session& s, std::optional<output_file> file, json result) const {
    if (!label.empty()) result["label"] = label;
    if (epoch) result["epoch"] = *epoch;
    const json numbers = result.flatten();
    for (const auto& [name, value] : numbers.items())
      if (value.is_number_float())
        require(std::isfinite(value.get<double>()), text("result ", name), value.get<double>(),
                "a finite number");
    if (file) write_json(std::move(*file), result);
    answer(s, result);
  }
};

struct frechet_settings : session {
  data_options data;
  path against;
  image_size size = 64;
  std::size_t num_images = 0;
  result_options result;
};

/// Fits a Gaussian to the features of the first `count` images, extracted by all threads.
gaussian fit(const image_dataset& data, std::size_t count, progress& bar, std::size_t done) {
  constexpr std::size_t chunk = 16;
  const scattering_features extractor;
  const std::size_t pixels = 3 * data.sides().width * data.sides().height;
  std::vector<Eigen::MatrixXf> features((count + chunk - 1) / chunk);
  default_thread_pool().run(features.size(), [&](std::size_t k) {
    const std::size_t first = k * chunk, number = std::min(chunk, count - first);
    std::vector<float> values(number * pixels);
    for (std::size_t i = 0; i < number; ++i)
      data.normalised(first + i, std::span(values).subspan(i * pixels, pixels));
    features[k] = extractor({values, number, 3, data.sides().height, data.sides().width});
  });
  gaussian_fit result;
  for (const auto& rows : features) result.add(rows);
  bar.update(done + count);
  return result.result();
}

void measure_frechet(const frechet_settings& s) {
  interruption::install();
  auto output = s.result.claim({s.data.source, s.against});
  const auto [a, b] = interruptible(
      [&] { return std::pair{s.data.load(s, s.size), s.data.load(s, s.against, s.size)}; });
  const auto count = [&](const image_dataset& data) {
    return s.num_images == 0 ? data.size() : std::min(data.size(), s.num_images);
  };
  const std::size_t n = count(a), m = count(b);
  if (std::min(n, m) < 2048)
    warn("with fewer than 2048 images the distance comes out too large; compare only with "
         "distances at the same numbers of images");
  progress bar(s, "features", n + m);
  const double distance = interruptible([&, &a = a, &b = b] {
    const gaussian of_a = fit(a, n, bar, 0), of_b = fit(b, m, bar, n);
    return frechet_distance(of_a, of_b);
  });
  const scattering_features extractor;
  s.result.deliver(s, std::move(output),
                   {{"distance", distance},
                    {"extractor", std::string(extractor.name())},
                    {"features", extractor.dimension(s.size.height, s.size.width)},
                    {"data", path_text(s.data.source)},
                    {"data_fingerprint", fingerprint(a, n)},
                    {"images", n},
                    {"against", path_text(s.against)},
                    {"against_fingerprint", fingerprint(b, m)},
                    {"images_against", m},
                    {"size", s.size},
                    {"protocol", text(s.size.is_square() ? "shorter side to " : "scaled to cover ",
                                      s.size,
                                      " (Pillow's antialiased bilinear), centre crop, first "
                                      "images by name; not FID")}});
}

struct mse_settings : session {
  model_options model;
  data_options data;
  std::size_t timestep = 500, num_images = 500, batch_size = 32;
  std::uint64_t seed = 42;
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
  const image_dataset data = interruptible([&] { return s.data.load(s, model.size); });
  const host_array images = random_images(data, s.num_images, s.seed);
  const any_denoising_errors errors = interruptible([&] {
    return model.model->measure_errors(
        images, {.timestep = s.timestep, .batch_size = s.batch_size, .seed = s.seed});
  });
  json result = std::visit([](const auto& e) { return result_of(e); }, errors);
  result.update({{"numbers", "mean-squared error of the noise, standard error"},
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

  const auto f = std::make_shared<frechet_settings>();
  CLI::App& frechet = add_command(
      measure, "frechet", "Fréchet distance between two sets of images",
      "lift measure frechet --data samples --against emoji.zip --size 64", f, measure_frechet);
  f->data.add(frechet);
  option(frechet, "--against", f->against, "The real images, as --data")->required();
  size_option(frechet, f->size);
  number_option(frechet, "--num-images", f->num_images, "Only the first so many of each; 0 = all",
                from_zero);
  f->result.add(frechet);

  const auto m = std::make_shared<mse_settings>();
  CLI::App& mse = add_command(
      measure, "mse", "Mean-squared error of a network with all scales noisy, or one clean",
      "lift measure mse --checkpoint run --data emoji.zip --timestep 500", m, measure_mse);
  m->model.add(mse);
  m->data.add(mse);
  number_option(mse, "--timestep", m->timestep, "Timestep of a noisy scale", from_zero);
  num_images_option(mse, m->num_images);
  batch_size_option(mse, m->batch_size);
  seed_option(mse, m->seed);
  m->result.add(mse);
}

}  // namespace lift::cli
