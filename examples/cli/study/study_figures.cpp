// SPDX-License-Identifier: MIT

#include <algorithm>
#include <map>
#include <set>

#include <lift/io/path_file.hpp>
#include <lift/plot/figures.hpp>
#include <lift/schedule/any_schedule.hpp>

#include "../any_scales.hpp"
#include "../command_line.hpp"
#include "study_plan.hpp"
#include "study_report.hpp"

namespace lift::cli {
namespace {

namespace fs = std::filesystem;

/// A path of two scales as it is drawn; none where there is no such file, or it has other scales.
std::optional<drawn_path> read_drawn_path(const std::optional<fs::path>& found,
                                          const std::string& name) {
  if (!found) return std::nullopt;
  const fs::path& file = *found;
  const any_path path = load_any_path(file);
  if (path.scale_count() != 2) return std::nullopt;
  const json_fields fields = path_fields(file);
  const auto schedule =
      json_field<std::string>(fields.object("settings"), file.string(), "schedule");
  return drawn_path{name, snr_of(path.of<2>().timesteps, make_schedule(schedule))};
}

class figures {
 public:
  figures(const study_config& config, const find_result& find, const fs::path& folder)
      : config_(config), find_(find), folder_(folder) {
    fs::create_directories(folder / "figures");
    for (const study_table& table : config.tables) {
      epochs_.insert(table.epochs.begin(), table.epochs.end());
      steps_ = std::max(steps_, *std::ranges::max_element(table.steps));
    }
  }

  /// Each table's first number against the epoch, or else against the steps.
  void tables(const json& results) {
    for (std::size_t t = 0; t < config_.tables.size(); ++t) {
      const study_table& table = config_.tables[t];
      const bool over_epochs = table.epochs.size() > 1;
      if (!over_epochs && table.steps.size() < 2) continue;
      std::vector<curve> curves;
      std::string title;
      for (const json& row : results["tables"][t]["rows"]) {
        if (row["numbers"].empty()) continue;
        const json& number = row["numbers"][0];
        title = number["number"];
        const std::string name = label_of(row);
        // A curve of epochs for each number of steps, or one of steps.
        std::map<std::size_t, curve> parts;
        for (std::size_t c = 0; c < number["cells"].size(); ++c) {
          const json& cell = number["cells"][c];
          if (cell.is_null()) continue;
          const std::size_t epoch = table.epochs[c / table.steps.size()],
                            steps = table.steps[c % table.steps.size()];
          curve& part = parts[over_epochs ? steps : 0];
          part.name =
              over_epochs && table.steps.size() > 1 ? text(name, ", ", steps, " steps") : name;
          part.points.emplace_back(over_epochs ? epoch : steps, cell["mean"].get<double>());
        }
        for (auto& [key, part] : parts) curves.push_back(std::move(part));
      }
      if (!curves.empty())
        draw_curves(file(text("table-", t + 1)), table.title, over_epochs ? "epoch" : "steps",
                    title, curves);
    }
  }

  void models() {
    std::vector<std::string> stats, errors;
    for (const named_flags& model : config_.models) {
      if (const auto losses = find_(model_folder(model.name) + "/stats.jsonl"))
        if (fs::file_size(*losses) > 0) stats.push_back(losses->string());
      if (const auto test = find_(error_test_file(model.name)))
        if (read_json(*test).contains("both_noisy")) errors.push_back(test->string());
      on_heatmap(model.name);
    }
    plot("losses", "--stats", stats);
    plot("mse", "--result", errors);
  }

  const std::set<std::string>& drawn() const { return drawn_; }

 private:
  /// Where a figure is about to be drawn.
  fs::path file(const std::string& name) {
    drawn_.insert(name);
    return folder_ / "figures" / (name + ".png");
  }

  void plot(const std::string& what, const std::string& flag,
            const std::vector<std::string>& inputs) {
    if (inputs.empty()) return;
    arguments words = {"plot", what, "--output", file(what).string(), "--quiet", flag};
    words.insert(words.end(), inputs.begin(), inputs.end());
    run(words);
  }

  /// The last heatmap of a model with the paths that were taken on it, its diagonal, and how each
  /// path over it changed while the model was trained.
  void on_heatmap(const std::string& model) {
    for (const bool losses : {false, true}) {
      const auto map = find_(heatmap_file(model, *epochs_.rbegin(), losses));
      if (!map || heatmap_scales(heatmap_fields(*map)) != 2) continue;
      std::vector<drawn_path> paths;
      for (const named_flags& path : config_.paths)
        if (auto drawn = read_drawn_path(
                find_(path_file(model, *epochs_.rbegin(), path.name, steps_)), path.name))
          paths.push_back(std::move(*drawn));
      const error_heatmap<> heatmap = load_heatmap(*map);
      draw_heatmap(file("heatmap-" + model + (losses ? "-losses" : "")), heatmap, paths);
      draw_diagonal_error(file("diagonal-" + model + (losses ? "-losses" : "")), heatmap);
      for (const named_flags& path : config_.paths)
        if (follows_network(path) && follows_losses(path) == losses)
          over_epochs(model, path.name, heatmap);
    }
  }

  void over_epochs(const std::string& model, const std::string& path,
                   const error_heatmap<>& heatmap) {
    std::vector<drawn_path> paths;
    for (const std::size_t epoch : epochs_)
      if (auto drawn = read_drawn_path(find_(path_file(model, epoch, path, steps_)),
                                       text("epoch ", epoch)))
        paths.push_back(std::move(*drawn));
    if (paths.size() > 1) draw_heatmap(file("epochs-" + model + "-" + path), heatmap, paths);
  }

  const study_config& config_;
  const find_result& find_;
  const fs::path folder_;
  std::set<std::size_t> epochs_;
  std::size_t steps_ = 0;
  std::set<std::string> drawn_;
};

}  // namespace

std::set<std::string> draw_study_figures(const study_config& config, const json& results,
                                         const find_result& find, const fs::path& folder) {
  figures all(config, find, folder);
  all.tables(results);
  all.models();
  return all.drawn();
}

}  // namespace lift::cli
