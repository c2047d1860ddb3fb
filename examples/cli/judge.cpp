// SPDX-License-Identifier: MIT

#include <iostream>
#include <map>
#include <utility>

#include <lift/exact/judge.hpp>

#include "commands.hpp"
#include "images.hpp"
#include "interruption.hpp"
#include "progress.hpp"
#include "with_solver.hpp"

namespace lift::cli {
namespace {

constexpr choice<sampling_start> judged_starts[] = {
    {"noise", [] { return sampling_start::unit_noise; }},
    {"exact", [] { return sampling_start::exact_marginal; }},
};
/// The solvers that are judged: those of `lift generate`, and DDIM with the noise of ancestral sampling.
std::vector<std::string> solver_names() {
  std::vector<std::string> names = names_of(solver_choices);
  names.emplace_back("ancestral");
  return names;
}
solver_kind kind_of(const std::string& name) {
  return name == "ancestral" ? solver_kind::ddim : choose("solver", solver_choices, name);
}
judged_solver solver_of(const std::string& name) {
  return with_solver(kind_of(name), ddim{name == "ancestral" ? 1.0 : 0.0},
                     [](const auto& solver) { return judged_solver(solver); });
}

struct judge_settings : session {
  std::vector<double> exponents = {2, 3};
  data_options data;
  image_size size = 64;
  std::string pyramid = "copies", schedule = schedule_choices[0].name, landing = "timestep-zero";
  std::vector<std::string> solvers = {"ddim", "dpm-2m"}, starts = {"noise"};
  std::vector<std::uint64_t> steps = {6, 10, 18, 50};
  std::size_t search = 200;
  std::optional<double> first;
  path output;
};

/// A spectrum, and what to call it.
struct named_spectrum {
  std::string name;
  power_spectrum spectrum;
};

std::vector<named_spectrum> spectra(const judge_settings& s) {
  std::vector<named_spectrum> all;
  for (const double exponent : s.exponents)
    all.push_back({text("1/f^", exponent), power_law_spectrum(s.size.width, exponent)});
  if (!s.data.source.empty()) {
    const image_dataset data = s.data.load(s, s.size);
    const std::size_t pixels = s.size.width * s.size.height;
    spectrum_estimate estimate(s.size.width);
    std::vector<float> planes(3 * pixels);
    for (std::size_t i = 0; i < data.size(); ++i) {
      stoppable::check();
      data.normalised(i, planes);
      for (std::size_t c = 0; c < 3; ++c)
        estimate.add(std::span(planes).subspan(c * pixels, pixels));
    }
    all.push_back({path_text(s.data.source.filename()), estimate.result()});
  }
  require_use(!all.empty(), "nothing to judge: want --spectrum or --data");
  return all;
}

/// A Markdown table: a row for each path, a column for each number of evaluations, the least in bold.
void print_table(const std::vector<std::vector<judged_path>>& columns,
                 const std::vector<std::uint64_t>& evaluations) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::string>> rows;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    double least = std::numeric_limits<double>::infinity();
    for (const judged_path& p : columns[c]) least = std::min(least, p.off.wasserstein);
    for (const judged_path& p : columns[c]) {
      auto [row, added] = rows.try_emplace(p.name, columns.size());
      if (added) names.push_back(p.name);
      char number[32];
      std::snprintf(number, sizeof number, p.off.wasserstein == least ? "**%.3g**" : "%.3g",
                    p.off.wasserstein);
      row->second[c] = number;
    }
  }
  std::cout << "| path |";
  for (const std::uint64_t n : evaluations) std::cout << ' ' << n << " |";
  std::cout << "\n|---|";
  for (std::size_t c = 0; c < columns.size(); ++c) std::cout << "---|";
  std::cout << '\n';
  for (const std::string& name : names) {
    std::cout << "| " << name << " |";
    for (const std::string& number : rows[name]) std::cout << ' ' << number << " |";
    std::cout << '\n';
  }
  std::cout << '\n';
}

json to_json(const judged_path& p, std::size_t evaluations) {
  return {{"path", p.name},
          {"clocks", p.clocks},
          {"control", p.control},
          {"evaluations", evaluations},
          {"steps", p.steps},
          {"wasserstein", p.off.wasserstein},
          {"divergence", p.off.divergence},
          {"log_snrs", p.log_snrs}};
}

void judge(const judge_settings& s) {
  interruption::install();
  require_use(s.size.width == s.size.height, "--size: exact fields are square: want one side");
  std::optional<output_file> output;
  if (!s.output.empty()) {
    require_not_input(s.output, {s.data.source});
    output.emplace(s.output);
  }
  const any_schedule schedule = make_schedule(s.schedule);
  json tables = json::array();
  interruptible([&] {
    const std::vector<named_spectrum> fields = spectra(s);
    progress bar(s, "paths", fields.size() * s.starts.size() * s.solvers.size() * s.steps.size());
    std::size_t done = 0;
    for (const named_spectrum& field : fields)
      for (const std::string& start : s.starts) {
        judge_options options;
        options.start = choose("start", judged_starts, start);
        options.landing = choose("landing", landing_choices, s.landing);
        if (s.first) options.first = *s.first;
        options.search.most_steps = s.search;
        const path_judge judge(field.spectrum, s.pyramid == "copies", schedule, options);
        for (const std::string& name : s.solvers) {
          const judged_solver solver = solver_of(name);
          const std::size_t a_step = evaluates_twice(kind_of(name)) ? 2 : 1;
          json paths = json::array();
          std::vector<std::vector<judged_path>> columns;
          for (const std::uint64_t evaluations : s.steps) {
            // Of two evaluations a step, the last is not made.
            columns.push_back(judge((evaluations + a_step - 1) / a_step, solver));
            for (const judged_path& p : columns.back()) paths.push_back(to_json(p, evaluations));
            bar.update(++done);
          }
          if (!s.json) {
            std::cout << printable(text(field.name, ", ", s.size.width, "x", s.size.width, " and ",
                                        s.size.width / 2, "x", s.size.width / 2, " (", s.pyramid,
                                        "), from ", start == "noise" ? "unit noise" : "the exact marginal",
                                        ", ", name, ":"))
                      << "\n\n";
            print_table(columns, s.steps);
          }
          tables.push_back({{"spectrum", field.name},
                            {"size", s.size.width},
                            {"pyramid", s.pyramid},
                            {"schedule", s.schedule},
                            {"start", start},
                            {"landing", s.landing},
                            {"solver", name},
                            {"paths", paths}});
        }
      }
  });
  const json result{{"format", "lift judgement"}, {"tables", tables}};
  if (output) write_json(std::move(*output), result);
  if (s.json) answer(s, result);
}

}  // namespace

void add_judge(CLI::App& program) {
  const auto s = std::make_shared<judge_settings>();
  CLI::App& app = add_command(
      program, "judge",
      "Says how far the images of every path and solver are from a field that is known exactly: the "
      "squared 2-Wasserstein distance over the total variance",
      "lift judge --spectrum 2,3 --solver ddim,dpm-2m --output judged.json", s, judge);
  number_option(app, "--spectrum", s->exponents, "Fields of power 1/f^exponent, separated by commas",
                range<double>{0, 10});
  s->data.add(app, false);
  size_option(app, s->size);
  choice_option(app, "--pyramid", s->pyramid, names_of(pyramid_choices),
                "The coarse scale: 2x2 means, or means and details, orthonormal");
  choices_option(app, "--solver", s->solvers, solver_names(), "Solvers");
  choices_option(app, "--start", s->starts, names_of(judged_starts),
                 "What samples begin with: unit noise, or the field itself with noise");
  number_option(app, "--steps", s->steps, "Evaluations, separated by commas", whole(1, 1000));
  number_option(app, "--search", s->search, "Steps of descent to each optimised path", from_zero);
  schedule_option(app, s->schedule);
  choice_option(app, "--landing", s->landing, names_of(landing_choices), "Where the last step ends");
  number_option(app, "--first-log-snr", s->first,
                "Where paths in log-SNR begin [the schedule's noisiest]", range<double>{-30, 10});
  option(app, "--output", s->output, "Also write the result to this JSON file, for `lift plot`");
}

}  // namespace lift::cli
