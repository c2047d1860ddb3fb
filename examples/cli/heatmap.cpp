// SPDX-License-Identifier: MIT

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/io/heatmap_file.hpp>
#include <lift/io/heatmap_npz.hpp>

#include "commands.hpp"
#include "heatmap_cells.hpp"
#include "images.hpp"
#include "model_file.hpp"
#include "packed.hpp"
#include "progress.hpp"
#include "same_on_ranks.hpp"

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
  static constexpr bool on_all_ranks = true;
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

/// Where a heatmap goes.
struct heatmap_output {
  output_file whole;
  measured_cells cells;
  std::optional<output_file> npz;

  explicit heatmap_output(const heatmap_settings& s)
      : whole(s.output), cells(s.output, s.points, s.resume), npz(claim_npz(s, cells.file())) {}
};

/// Has all ranks measure the cells that rank 0 lacks, some at a time, each by one that is free, and
/// gives them to it. measure(cells) measures the cells that are not found.
void share_cells(rank_group& ranks, measured_cells* cells, std::size_t scale_count,
                 const std::function<void(const any_heatmap_cells&)>& measure, progress& bar) {
  using cell_index = measured_cells::cell_index;
  using blocks = measured_cells::blocks;
  const std::size_t block_count = scale_count * scale_count;
  std::string told;
  if (cells)
    for (const cell_index& at : cells->lacking()) told += packed<std::size_t>(at);
  ranks.broadcast(told);
  const auto axes = unpacked<std::size_t>(told);
  const auto cell = [&](std::size_t i) { return std::span(axes).subspan(i * scale_count, scale_count); };
  // Whoever measures some goes past all others, so a rank is given about a sixteenth of its share.
  const std::size_t count = axes.size() / scale_count;
  const std::size_t at_once = std::max<std::size_t>(1, count / (16 * ranks.size()));
  hand_out(
      ceil_div(count, at_once),
      [&](std::size_t number) {
        std::set<cell_index> wanted;
        for (std::size_t i = number * at_once; i < std::min(count, (number + 1) * at_once); ++i)
          wanted.emplace(cell(i).begin(), cell(i).end());
        std::string bytes;
        measure({[&](std::span<const std::size_t> at) {
                   return wanted.contains(cell_index(at.begin(), at.end()))
                              ? std::nullopt
                              : std::optional(blocks(block_count, {0, 0}));
                 },
                 [&](std::span<const std::size_t>, const blocks& measured) {
                   bytes += packed<sample_mean>(measured);
                 }});
        return bytes;
      },
      [&](std::size_t number, const std::string& bytes) {
        const auto measured = unpacked<sample_mean>(bytes);
        for (std::size_t i = 0; i * block_count < measured.size(); ++i) {
          const auto first = measured.begin() + static_cast<std::ptrdiff_t>(i * block_count);
          cells->add(cell(number * at_once + i),
                     blocks(first, first + static_cast<std::ptrdiff_t>(block_count)));
        }
        bar.update(cells->size());
      });
}

void measure_heatmap(const heatmap_settings& s) {
  interruption::install();
  require_not_input(s.output, {s.model.checkpoint, s.data.source});
  std::optional<heatmap_output> output;
  if (leads_ranks()) output.emplace(s);
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
  const std::size_t scale_count = model.model->scale_count();
  require_same_on_ranks(more, model.file);
  if (output) output->cells.begin(scale_count, more);
  progress bar(s, "heatmap", output ? output->cells.total() : 0, output ? output->cells.size() : 0);
  const error_heatmap_options options{
      .error = choose("error", error_choices, s.error),
      .probes = s.probes,
      .jacobian_of = choose("Jacobian", jacobian_choices, s.jacobian),
      .coordinate = make_coordinate(s.factor),
      .weight = choose("weighting", weighting_choices, s.weighting),
      .noise = choose("noise", noise_choices, noise),
      .batch_size = s.batch_size,
      .seed = s.seed};
  const auto measure = [&](const any_heatmap_cells& cells, const heatmap_progress& tell) {
    return interruptible(
        [&] { return model.model->measure_heatmap(images, axis, options, tell, cells); });
  };
  explaining_failure(
      [&] {
        if (rank_group* const ranks = sharing_ranks())
          share_cells(*ranks, output ? &output->cells : nullptr, scale_count,
                      [&](const any_heatmap_cells& cells) { measure(cells, {}); }, bar);
        if (!output) return;
        auto& cells = output->cells;
        const any_heatmap measured = measure(
            {[&](std::span<const std::size_t> cell) { return cells.find(cell); },
             [&](std::span<const std::size_t> cell, const auto& blocks) { cells.add(cell, blocks); }},
            [&](std::size_t done, std::size_t) { bar.update(done); });
        std::visit(
            [&](const auto& heatmap) {
              if (output->npz) save_heatmap_npz(std::move(*output->npz), heatmap, settings);
              save_heatmap(std::move(output->whole), heatmap, settings);
            },
            measured);
        cells.finish();
      },
      [&] { return output ? output->cells.standing() : ""; });
  if (!output) return;
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
