// SPDX-License-Identifier: MIT

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "../commands.hpp"
#include "../engine.hpp"
#include "../images.hpp"
#include "../interruption.hpp"
#include "../progress.hpp"
#include "../shared_commands.hpp"
#include "study_estimate.hpp"
#include "study_report.hpp"
#include "study_run.hpp"

namespace lift::cli {
namespace {

struct study_settings : session {
  static constexpr bool on_all_ranks = true;
  path config, outdir, data;
  std::optional<std::string> backend;
  std::vector<std::string> only;
  bool dry_run = false, overwrite = false;
};

/// Says what there is to do, and how long it may take.
void list_work(const study_settings& s, const study_plan& plan, const study_run& run,
               const std::vector<std::size_t>& to_do, const study_estimate& estimate) {
  const std::pair<double, bool> all = estimate.seconds(to_do);
  const double seconds = all.first;
  const bool known = all.second;
  json parts = json::array();
  for (const std::size_t i : to_do)
    parts.push_back({{"name", plan.parts()[i].name},
                     {"seconds", setting_value(estimate.seconds(plan.parts()[i]))},
                     {"command", shell_text(run.command(i))}});
  if (s.json) return answer(s, {{"parts", parts}, {"seconds", seconds}, {"all_known", known}});
  for (const json& part : parts) {
    const std::string time =
        part["seconds"].is_null() ? "?" : clock_text(part["seconds"].get<double>());
    std::cout << std::string(time.size() < 8 ? 8 - time.size() : 0, ' ') << time << "  "
              << printable(part["name"].get<std::string>()) << '\n';
  }
  std::cout << printable(text(to_do.size(), " of ", plan.parts().size(), " parts to do, about ",
                              clock_text(seconds), known ? "" : " and what ? stands for"))
            << std::endl;
  require(std::cout.good(), "writing to standard output", "a failure", "a place to write");
}

void study(const study_settings& s) {
  interruption::install();
  if (!leads_ranks()) return shared_commands::follow();
  const shared_commands commands;
  study_config config = read_study_config(s.config);
  if (!s.data.empty()) config.data = s.data;
  if (s.backend) config.backend = *s.backend;
  require_use(!config.data.empty(),
              text("data is missing: in ", s.config.string(), ", or as --data"));
  const study_plan plan(config);
  study_run run(s, config, plan, s.outdir, s.overwrite);
  for (std::size_t i = 0; i < plan.parts().size(); ++i) {
    try {
      check_understood(run.command(i));
    } catch (const misuse& wrong) {
      throw error(text(s.config.string(), ": ", plan.parts()[i].name, ": ", wrong.what()));
    }
  }
  const std::vector<std::size_t> to_do = run.to_do(s.only);
  study_estimate estimate(plan, run);
  if (s.dry_run) {
    interruptible([&] { estimate.rehearse(s, config, to_do); });
    return list_work(s, plan, run, to_do, estimate);
  }
  run.begin();
  std::vector<std::size_t> left = to_do;
  const auto tell = [&](const char* what, std::size_t part) {
    const auto [seconds, known] = estimate.seconds(left);
    remark(s, "Part ", to_do.size() - left.size() + 1, " of ", to_do.size(), what, plan.parts()[part].name,
           seconds > 0 ? text(" (", known ? "about " : "more than ", clock_text(seconds), " left)") : "");
  };
  const auto made = [&](std::size_t part) {
    std::erase(left, part);
    estimate.learn();
  };
  while (!left.empty()) {
    interruption::check();
    const std::vector<std::size_t> apart = run.apart(left);
    if (apart.empty()) {
      const std::size_t next = left.front();
      tell(": ", next);
      run.make(next);
      made(next);
    } else {
      run.make_apart(apart, [&](std::size_t part) {
        tell(" is made: ", part);
        made(part);
      });
    }
  }
  const find_result find = [&](const std::string& name) { return run.find(name); };
  const json results = study_results(config, run.data_identity(), find);
  write_json(run.file("results.json"), nlohmann::json(results));
  std::set<std::string> figures;
  try {
    figures = interruptible([&] { return draw_study_figures(config, results, find, s.outdir); });
  } catch (const interrupted&) {
    throw;
  } catch (const error& failure) {  // such as where gnuplot is not installed
    warn("the report is without figures: ", failure.what());
  }
  write_study_report(config, results, figures, find, s.outdir);
  if (!s.quiet && !s.json) std::cout << results_text(results);
  report(s, {{"outdir", path_text(s.outdir)},
             {"parts", to_do.size()},
             {"results", path_text(run.file("results.json"))},
             {"report", path_text(run.file("report.html"))}});
}

}  // namespace

void add_study(CLI::App& program) {
  const auto s = std::make_shared<study_settings>();
  CLI::App& app = add_command(
      program, "study",
      "Trains networks, finds paths, generates and measures as a file says, and reports on it",
      "lift study quick.toml --data emoji.zip --outdir out/quick", s, study);
  app.add_option("config", s->config,
                 "The file (TOML) that says what is compared: see docs/study.md")
      ->required()
      ->type_name("FILE");
  outdir_option(app, s->outdir);
  option(app, "--data", s->data, text(data_help, ", instead of the file's"));
  choice_option(app, "--backend", s->backend, engine_names(),
                "What computes, instead of what the file says");
  app.add_flag("--dry-run", s->dry_run,
               "List what there is to do, and how long it may take; make nothing");
  app.add_option("--only", s->only,
                 "Only parts whose names, as --dry-run lists them, contain one of these texts, "
                 "and what they need")
      ->delimiter(',')
      ->type_name("TEXT,...");
  app.add_flag("--overwrite", s->overwrite,
               "Make anew what was made with other settings or images, and what was made of it");
}

}  // namespace lift::cli
