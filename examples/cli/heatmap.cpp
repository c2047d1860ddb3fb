// SPDX-License-Identifier: MIT

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/io/heatmap_file.hpp>
#include <lift/io/heatmap_npz.hpp>

#include "commands.hpp"
#include "heatmap_cells.hpp"
#include "images.hpp"
#include "model_file.hpp"
#include "progress.hpp"

namespace lift::cli {
namespace {

constexpr choice<estimate> jacobian_choices[] = {
    {"noise", [] { return estimate::noise; }},
    {"denoised", [] { return estimate::clean; }},
};
constexpr choice<heatmap_error> error_choices[] = {
    {"jacobian", [] { return heatmap_error::jacobian; }},
    {"loss", [] { return heatmap_error::loss; }},
};
constexpr choice<jacobian_weight> weighting_choices[] = {
    {"both", [] { return jacobian_weight::both_sides; }},
    {"one", [] { return jacobian_weight::one_side; }},
    {"none", [] { return jacobian_weight::none; }},
};
constexpr choice<grid_noise> noise_choices[] = {
    {"common", [] { return grid_noise::common; }},
    {"fresh", [] { return grid_noise::fresh; }},
};

struct heatmap_settings : session {
  model_options model;
  data_options data;
  preset_option preset;
  std::filesystem::path output, npz;
  std::string error = "jacobian", grid = "snr", jacobian = "noise", weighting = "both", factor = "localisation";
  std::optional<std::string> noise;
  std::size_t points = 15, probes = 4, num_images = 32, batch_size = 8;
  double gamma_min = 0.01, gamma_max = 100;
  std::uint64_t seed = 42;
  bool resume = false;
};

json settings_of(const heatmap_settings& s, const model_file& model, const image_dataset& data,
                 const std::string& noise) {
  json result = model.identity;
  result.update({{"data", path_text(s.data.source)},
                 {"data_fingerprint", fingerprint(data, data.size())},
                 {"error", s.error},
                 {"points", s.points},
                 {"grid", s.grid},
                 {"gamma_min", s.gamma_min},
                 {"gamma_max", s.gamma_max},
                 {"num_images", s.num_images},
                 {"probes", s.probes},
                 {"jacobian", s.jacobian},
                 {"weighting", s.weighting},
                 {"factor", s.factor},
                 {"noise", noise},
                 {"seed", s.seed}});
  return result;
}

/// The file of --npz, none if it is not given. Throws `misuse` where it is another of the command's.
std::optional<output_file> claim_npz(const heatmap_settings& s, const path& cells) {
  if (s.npz.empty()) return std::nullopt;
  require_not_input(s.npz, {s.model.checkpoint, s.data.source});
  const path whole = std::filesystem::absolute(s.npz).lexically_normal();
  for (const path& other : {s.output, cells})
    require_use(whole != std::filesystem::absolute(other).lexically_normal(),
                text("--npz ", s.npz.string(), " is another file of this command: want a name of its own"));
  return std::optional<output_file>(std::in_place, s.npz);
}

void measure_heatmap(const heatmap_settings& s) {
  interruption::install();
  require_not_input(s.output, {s.model.checkpoint, s.data.source});
  output_file output(s.output);
  measured_cells cells(s.output, s.points, s.resume);
  std::optional<output_file> npz = claim_npz(s, cells.file());
  const model_file model = s.model.load(s);
  const std::string noise = s.preset.pick(s.noise, "common", "fresh");
  const heatmap_axis axis =
      s.grid == "snr" ? log_snr_axis(model.schedule, s.points, s.gamma_min, s.gamma_max)
                      : timestep_axis(model.schedule, s.points);
  const image_dataset data = interruptible([&] { return s.data.load(s, model.size); });
  const host_array images = random_images(data, s.num_images, s.seed);
  const json settings = settings_of(s, model, data, noise);
  json more = settings;  // what else decides a cell's bytes
  more.update({{"lift", LIFT_VERSION},
               {"backend", s.model.backend},
               {"batch_size", s.batch_size},
               {"images", fingerprint(images.values)}});
  cells.begin(model.model->scale_count(), more);
  progress bar(s, "heatmap", cells.total(), cells.size());
  const error_heatmap_options options{
      .error = choose("error", error_choices, s.error),
      .probes = s.probes,
      .jacobian_of = choose("Jacobian", jacobian_choices, s.jacobian),
      .coordinate = make_coordinate(s.factor),
      .weight = choose("weighting", weighting_choices, s.weighting),
      .noise = choose("noise", noise_choices, noise),
      .batch_size = s.batch_size,
      .seed = s.seed};
  const auto measure = [&] {
    return model.model->measure_heatmap(
        images, axis, options, [&](std::size_t done, std::size_t) { bar.update(done); },
        {[&](std::span<const std::size_t> cell) { return cells.find(cell); },
         [&](std::span<const std::size_t> cell, const auto& blocks) { cells.add(cell, blocks); }});
  };
  explaining_failure(
      [&] {
        const any_heatmap measured = interruptible(measure);
        std::visit(
            [&](const auto& heatmap) {
              if (npz) save_heatmap_npz(std::move(*npz), heatmap, settings);
              save_heatmap(std::move(output), heatmap, settings);
            },
            measured);
        cells.finish();
      },
      [&] { return cells.standing(); });
  json done = {{"output", path_text(s.output)},
               {"points", s.points},
               {"images", images.shape[0]},
               {"seconds", bar.seconds()}};
  if (!s.npz.empty()) done["npz"] = path_text(s.npz);
  report(s, done);
}

}  // namespace

void add_heatmap(CLI::App& program) {
  const auto s = std::make_shared<heatmap_settings>();
  CLI::App& app = add_command(
      program, "heatmap", "Measures where a network errs: the error at each combination of the scales' noise levels",
      "lift heatmap --checkpoint run --data emoji.zip --points 15 --output heatmap.json", s,
      measure_heatmap);
  s->model.add(app);
  s->data.add(app);
  output_option(app, s->output, "Heatmap file");
  option(app, "--npz", s->npz, "Also write the heatmap as NumPy's arrays to this file (.npz)");
  app.add_flag("--resume", s->resume,
               "Go on with the cells in OUTPUT.partial, whose settings must be the same");
  choice_option(app, "--error", s->error, names_of(error_choices),
                "What errs: the network's Jacobian, or its denoising loss, for the policies path-kl and "
                "path-kl-diagonal");
  number_option(app, "--points", s->points, "Points along each axis", whole(2, 10'000));
  choice_option(app, "--grid", s->grid, {"snr", "timestep"},
                "Points evenly spaced in log-SNR or in the timestep");
  number_option(app, "--gamma-min", s->gamma_min, "Smallest SNR of an SNR grid", real_above_zero);
  number_option(app, "--gamma-max", s->gamma_max, "Largest SNR of an SNR grid", real_above_zero);
  number_option(app, "--probes", s->probes, "Rademacher probes an image and scale", from_one);
  num_images_option(app, s->num_images);
  batch_size_option(app, s->batch_size);
  choice_option(app, "--jacobian", s->jacobian, names_of(jacobian_choices),
                "Jacobian of the predicted noise or of the denoised image");
  choice_option(app, "--weighting", s->weighting, names_of(weighting_choices),
                "1/pixels on both sides of the Jacobian, on one, or none");
  choice_option(app, "--factor", s->factor, names_of(coordinate_choices),
                "Coordinate whose chain-rule factor multiplies the error");
  choice_option(app, "--noise", s->noise, names_of(noise_choices),
                "The same random numbers at every point, or fresh ones [common; reference: fresh]");
  seed_option(app, s->seed);
  s->preset.add(app);
}

}  // namespace lift::cli
