// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cmath>
#include <functional>

#include <lift/io/path_file.hpp>
#include <lift/schedule/snr.hpp>

#include "commands.hpp"
#include "identity.hpp"
#include "interruption.hpp"
#include "network_path.hpp"
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
  network_path_options network;
  std::string format = "json";
  preset_option preset;
  std::optional<std::size_t> scales;
  std::filesystem::path output;
  std::function<bool(const std::string& flag)> given;  ///< whether the command line has a flag

  bool runs_network() const { return cli::runs_network(path.policy); }
};

/// Throws `misuse` for flags of the other kind of policies, that run a network or do not.
void require_meant(const path_settings& s) {
  const auto refuse = [&](std::initializer_list<const char*> flags) {
    for (const char* flag : flags)
      require_use(!s.given(flag), text(flag, " means nothing to policy ", s.path.policy));
  };
  if (s.path.policy != "gits") refuse({"--growth"});
  if (s.path.policy != "fitted") refuse({"--clocks", "--search-steps"});
  if (!s.runs_network())
    return refuse({"--checkpoint", "--weights", "--backend", "--size", "--prediction", "--along", "--reference-steps",
                   "--solver", "--num-images", "--batch-size", "--seed"});
  refuse({"--heatmap", "--spacing", "--start", "--cost", "--end", "--max-jump", "--first-log-snr", "--stretch", "--lead",
          "--scales", "--preset"});
  require_use(s.given("--checkpoint"), text("policy ", s.path.policy, " runs a network: give --checkpoint"));
}

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

/// A path that no network is run for.
network_path_options::result find_on_heatmap(const path_settings& s) {
  identity made;
  std::optional<std::string> given = s.network.model.schedule;
  if (!s.path.looks_at().empty())
    made = identity_of(s.path.heatmap);
  else if (!given)
    given = usual_of(s.preset.side()).schedule;
  const std::string schedule = common_schedule({made}, given);
  json settings = made.fields;
  settings.update(
      {{"heatmap", path_text(s.path.looks_at())}, {"schedule", schedule}, {"preset", s.preset.name}});
  return {s.path.find(s.preset.side(), make_schedule(schedule), s.scales.value_or(2)), settings, json::object()};
}

void find_path(path_settings& s) {
  s.path.settle(s.preset.side());
  require_meant(s);
  if (!s.runs_network()) {
    s.path.make(s.preset.side());  // a flag that means nothing comes before what a file says
    require_use(!s.scales || s.path.looks_at().empty(),
                text("--scales means nothing to policy ", s.path.policy, ", which looks at a heatmap"));
  }
  require_not_input(s.output, {s.path.heatmap, s.network.model.checkpoint, s.network.along});
  if (s.runs_network()) interruption::install();
  output_file output(s.output);
  auto found =
      s.runs_network() ? s.network.find(s, s.path.policy, s.path.steps) : find_on_heatmap(s);
  found.settings["steps"] = s.path.steps;
  const path_format format = choose("format", format_choices, s.format);
  if (format != path_format::file)
    atomic_write(std::move(output),
                 as_lines(found.path, format,
                          make_schedule(found.settings["schedule"].get<std::string>())));
  else
    with_scale_count(found.path.scale_count(), [&](auto n) {
      save_path(std::move(output), found.path.of<n>(), found.settings);
    });
  json told{{"output", path_text(s.output)},
            {"policy", s.path.policy},
            {"evaluations", found.path.timesteps.size()},
            {"timesteps", to_json(found.path)}};
  told.update(found.told);
  report(s, told);
}

}  // namespace

void add_path(CLI::App& program) {
  const auto s = std::make_shared<path_settings>();
  CLI::App& app = add_command(
      program, "path",
      "Finds a path, the timesteps of every scale at each step: on an error heatmap, or by running a network",
      "lift path --heatmap heatmap.json --policy dp-64 --steps 50 --output dp-64.json", s,
      find_path);
  s->given = [&app](const std::string& flag) { return app.get_option(flag)->count() > 0; };
  s->path.add(app, network_policies);
  number_option(app, "--scales", s->scales, "Scales of a path that looks at no heatmap [2]",
                whole(1, 3));
  s->preset.add(app);
  choice_option(app, "--format", s->format, names_of(format_choices),
                "A path file, or a list for `lift generate` and other samplers: timesteps, noise levels "
                "√((1 - alpha_bar)/alpha_bar) or natural log-SNRs");
  s->network.add(app);
  app.get_option("--schedule")->description("Noise schedule [the heatmap's, as trained, or cosine-ztsnr; reference: cosine]");
  output_option(app, s->output, "Path file");
}

}  // namespace lift::cli
