// SPDX-License-Identifier: MIT

#include <lift/io/path_file.hpp>

#include "commands.hpp"
#include "identity.hpp"
#include "policy_options.hpp"

namespace lift::cli {
namespace {

struct path_settings : session {
  policy_options path;
  preset_option preset;
  std::optional<std::string> schedule;
  std::optional<std::size_t> scales;
  std::filesystem::path output;
};

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
  output_option(app, s->output, "Path file");
}

}  // namespace lift::cli
