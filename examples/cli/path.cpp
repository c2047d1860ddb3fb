// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cmath>

#include <lift/io/path_file.hpp>
#include <lift/schedule/snr.hpp>

#include "commands.hpp"
#include "identity.hpp"
#include "policy_options.hpp"

namespace lift::cli {
namespace {

/// How a path is written.
enum class path_format { file, timesteps, sigmas, log_snrs };
constexpr choice<path_format> format_choices[] = {
    {"json", [] { return path_format::file; }},
    {"timesteps", [] { return path_format::timesteps; }},
    {"sigmas", [] { return path_format::sigmas; }},
    {"log-snrs", [] { return path_format::log_snrs; }},
};

struct path_settings : session {
  policy_options path;
  std::string format = "json";
  preset_option preset;
  std::optional<std::string> schedule;
  std::optional<std::size_t> scales;
  std::filesystem::path output;
};

/// A line for each step: a number, or where the scales differ one for each with ':' between, finest first.
/// σ is √((1 − ᾱ)/ᾱ). Throws lift::error for pure noise, whose σ and log-SNR are infinite.
std::string as_lines(const any_path& path, path_format format, const any_schedule& schedule) {
  std::string lines;
  for (const std::vector<double>& step : path.timesteps) {
    std::vector<double> levels;
    for (const double t : step) {
      const double level = log_snr_at(schedule, t);
      levels.push_back(format == path_format::timesteps  ? t
                       : format == path_format::log_snrs ? level
                                                         : std::exp(-level / 2));
      require(std::isfinite(levels.back()), text("level of timestep ", t), levels.back(),
              "a finite number, as the format is a list: want --format json or timesteps");
    }
    if (std::equal(levels.begin() + 1, levels.end(), levels.begin())) levels.resize(1);
    for (std::size_t s = 0; s < levels.size(); ++s) lines += (s == 0 ? "" : ":") + json(levels[s]).dump();
    lines += '\n';
  }
  return lines;
}

void find_path(const path_settings& s) {
  s.path.make(s.preset.side());  // a flag that means nothing comes before what a file says
  require_use(!s.scales || s.path.looks_at().empty(),
              text("--scales means nothing to policy ", s.path.policy, ", which looks at a heatmap"));
  require_not_input(s.output, {s.path.heatmap});
  output_file output(s.output);
  identity made;
  if (!s.path.looks_at().empty()) made = identity_of(s.path.heatmap);
  const std::string schedule = common_schedule({made}, s.schedule);
  const any_path found = s.path.find(s.preset.side(), make_schedule(schedule), s.scales.value_or(2));
  json settings = made.fields;
  settings.update({{"heatmap", path_text(s.path.looks_at())},
                   {"schedule", schedule},
                   {"steps", s.path.steps},
                   {"preset", s.preset.name}});
  const path_format format = choose("format", format_choices, s.format);
  if (format != path_format::file)
    atomic_write(std::move(output), as_lines(found, format, make_schedule(schedule)));
  else
    with_scale_count(found.scale_count(), [&](auto n) {
      save_path(std::move(output), found.of<n>(), settings);
    });
  report(s, {{"output", path_text(s.output)},
             {"policy", s.path.policy},
             {"evaluations", found.timesteps.size()},
             {"timesteps", to_json(found)}});
}

}  // namespace

void add_path(CLI::App& program) {
  const auto s = std::make_shared<path_settings>();
  CLI::App& app = add_command(
      program, "path", "Turns an error heatmap into a path: the timesteps of every scale at each step",
      "lift path --heatmap heatmap.json --policy dp-64 --steps 50 --output dp-64.json", s,
      find_path);
  s->path.add(app)->required();
  schedule_option(app, s->schedule)->description("Noise schedule [the heatmap's, or cosine]");
  number_option(app, "--scales", s->scales, "Scales of a path that looks at no heatmap [2]",
                whole(1, 3));
  s->preset.add(app);
  choice_option(app, "--format", s->format, names_of(format_choices),
                "A path file, or a list for `lift generate` and other samplers: timesteps, noise levels "
                "√((1 - alpha_bar)/alpha_bar) or natural log-SNRs");
  output_option(app, s->output, "Path file");
}

}  // namespace lift::cli
