// SPDX-License-Identifier: MIT

#include <map>
#include <sstream>
#include <utility>

#include <lift/io/heatmap_file.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/json_file.hpp>
#include <lift/io/path_file.hpp>
#include <lift/plot/figures.hpp>

#include "commands.hpp"
#include "identity.hpp"
#include "images.hpp"
#include "interruption.hpp"

namespace lift::cli {
namespace {

using files = std::vector<path>;

struct plot_settings : session {
  path output, heatmap;
  files inputs;
  data_options data;
  std::optional<std::string> schedule;
  image_size size = 64;
  std::size_t num_images = 64, columns = 0;
};

/// Says where a figure was drawn.
void report_figure(const plot_settings& s) {
  report(s, {{"output", path_text(s.output)},
             {"script", path_text(path(s.output).replace_extension(".gp"))}});
}

std::vector<drawn_path> read_paths(const plot_settings& s) {
  std::vector<identity> made;
  for (const path& file : s.inputs) made.push_back(identity_of(file));
  if (!s.heatmap.empty()) made.push_back(identity_of(s.heatmap));
  const any_schedule schedule = make_schedule(common_schedule(made, s.schedule));
  std::vector<drawn_path> paths;
  for (const path& file : s.inputs) {
    const named_path<> read = load_path(file);
    for (const scales<double>& t : read.timesteps)
      require(std::max(t.fine(), t.coarse()) <= static_cast<double>(schedule.num_timesteps() - 1),
              text(file.string(), ": timestep"), std::max(t.fine(), t.coarse()),
              text("at most ", schedule.num_timesteps() - 1));
    paths.push_back({read.policy, snr_of(read.timesteps, schedule)});
  }
  return paths;
}

void plot_heatmap(const plot_settings& s) {
  figure_files to(s.output);
  draw_heatmap(std::move(to), load_heatmap(s.heatmap), read_paths(s));
  report_figure(s);
}

void plot_diagonal_error(const plot_settings& s) {
  figure_files to(s.output);
  draw_diagonal_error(std::move(to), load_heatmap(s.heatmap));
  report_figure(s);
}

void plot_paths(const plot_settings& s) {
  figure_files to(s.output);
  draw_paths(std::move(to), read_paths(s));
  report_figure(s);
}

/// The losses of a stats.jsonl, each point the mean over a stretch of steps.
curve read_losses(const path& file) {
  constexpr std::size_t points = 200;
  std::vector<std::pair<double, double>> all;
  const std::vector<std::byte> bytes = read_file(file);
  std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  // A last line without its end is one that is being written.
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    const std::string source = text(file.string(), ": line ", all.size() + 1);
    const json entry = parse_json<json>(line, source);
    all.emplace_back(json_field<double>(entry, source, "step"),
                     json_field<double>(entry, source, "loss"));
  }
  require(!all.empty(), text("lines of ", file.string()), 0, "at least 1");
  curve result{std::filesystem::absolute(file).parent_path().filename().string(), {}};
  const std::size_t stretch = (all.size() + points - 1) / points;
  for (std::size_t first = 0; first < all.size(); first += stretch) {
    const std::size_t count = std::min(stretch, all.size() - first);
    double loss = 0;
    for (std::size_t i = first; i < first + count; ++i) loss += all[i].second;
    result.points.emplace_back(all[first + count - 1].first, loss / static_cast<double>(count));
  }
  return result;
}

void plot_losses(const plot_settings& s) {
  figure_files to(s.output);
  std::vector<curve> curves;
  for (const path& file : s.inputs) curves.push_back(read_losses(file));
  draw_curves(std::move(to), "Training loss", "step", "mean-squared error", curves, true);
  report_figure(s);
}

/// What `lift measure` was told to call a result, or else the name of its file.
std::string label_of(const path& file, const nlohmann::json& result) {
  return result.contains("label") ? json_field<std::string>(result, file.string(), "label")
                                  : file.stem().string();
}

/// The results of `lift measure`, all of images of one size and by the same features.
std::vector<nlohmann::json> read_results(const files& inputs) {
  std::vector<nlohmann::json> results;
  for (const path& file : inputs) {
    results.push_back(read_json(file));
    for (const char* const what : {"size", "extractor", "weights_sha256", "protocol", "of"}) {
      const auto field = [&](const nlohmann::json& result) {
        return result.is_object() ? result.value(what, nlohmann::json()) : nlohmann::json();
      };
      const nlohmann::json got = field(results.back()), want = field(results.front());
      require(got == want || got.is_null() || want.is_null(), text(what, " of ", file.string()), got,
              text(want, " as of ", inputs.front().string()));
    }
  }
  return results;
}

/// Curves over the epoch where every result has one, bars otherwise.
void plot_frechet(const plot_settings& s) {
  figure_files to(s.output);
  std::vector<bar> bars;
  std::map<std::string, curve> curves;
  bool over_epochs = true;
  const auto results = read_results(s.inputs);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const path& file = s.inputs[i];
    const nlohmann::json& result = results[i];
    const std::string label = label_of(file, result);
    const auto distance = json_field<double>(result, file.string(), "distance");
    bars.push_back({label, distance});
    over_epochs = over_epochs && result.contains("epoch");
    if (!over_epochs) continue;
    curve& c = curves[label];
    c.name = label;
    c.points.emplace_back(json_field<double>(result, file.string(), "epoch"), distance);
  }
  std::vector<curve> sorted;
  for (auto& [name, c] : curves) {
    std::sort(c.points.begin(), c.points.end());
    sorted.push_back(c);
  }
  const bool fid = results.front().value("measure", nlohmann::json()) == "FID";
  const char* const axis = fid ? "FID" : "distance (not FID)";
  if (over_epochs)
    draw_curves(std::move(to), "Fréchet distance", "epoch", axis, sorted);
  else
    draw_bars(std::move(to), "Fréchet distance", axis, bars);
  report_figure(s);
}

/// Of one table a curve for each path but controls; of several, for each table its nearest path.
void plot_judge(const plot_settings& s) {
  figure_files to(s.output);
  struct point {
    std::string path;
    double evaluations, distance;
    bool control;
  };
  std::vector<std::pair<std::string, std::vector<point>>> tables;
  for (const path& file : s.inputs) {
    const json_fields fields(file, "lift judgement");
    const std::string source = file.string();
    for (const nlohmann::json& table : fields.get<std::vector<nlohmann::json>>("tables")) {
      const auto name = [&](const char* field) { return json_field<std::string>(table, source, field); };
      auto& [title, points] = tables.emplace_back();
      title = text(name("spectrum"), ", ", name("pyramid"), ", ", name("start"), ", ", name("solver"));
      for (const nlohmann::json& p : json_field<std::vector<nlohmann::json>>(table, source, "paths"))
        points.push_back({json_field<std::string>(p, source, "path"),
                          json_field<double>(p, source, "evaluations"),
                          json_field<double>(p, source, "wasserstein"),
                          json_field<bool>(p, source, "control")});
    }
  }
  std::vector<curve> curves;
  const auto curve_of = [&](const std::string& name) -> curve& {
    for (curve& c : curves)
      if (c.name == name) return c;
    return curves.emplace_back(curve{name, {}});
  };
  for (const auto& [title, points] : tables)
    if (tables.size() == 1) {
      for (const point& p : points)
        if (!p.control) curve_of(p.path).points.emplace_back(p.evaluations, p.distance);
    } else {
      std::map<double, double> least;
      for (const point& p : points) {
        const auto known = least.try_emplace(p.evaluations, p.distance).first;
        known->second = std::min(known->second, p.distance);
      }
      curve_of(title).points.assign(least.begin(), least.end());
    }
  draw_curves(std::move(to),
              tables.size() == 1 ? tables.front().first : "The nearest path of each solver",
              "evaluations of the denoiser", "squared 2-Wasserstein distance / total variance", curves,
              true);
  report_figure(s);
}

void plot_mse(const plot_settings& s) {
  figure_files to(s.output);
  std::vector<bar> bars;
  const auto results = read_results(s.inputs);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const path& file = s.inputs[i];
    const nlohmann::json& result = results[i];
    const std::string label = s.inputs.size() > 1 ? label_of(file, result) + ", " : "";
    const auto mean = [&](const char* name) {
      const nlohmann::json::json_pointer at(text("/", name, "/mean/0"));
      return json_value<double>(result.contains(at) ? result[at] : nlohmann::json(), file.string(),
                                text(name, ".mean[0]"));
    };
    for (const auto& [name, title] : {std::pair{"both_noisy", "both noisy"},
                                      std::pair{"coarse_clean", "coarse clean"},
                                      std::pair{"fine_clean", "fine clean"}})
      bars.push_back({label + title, mean(name)});
  }
  const bool clean = results.front().value("of", nlohmann::json()) == "clean";
  draw_bars(std::move(to), clean ? "Error of the predicted clean image" : "Error of the predicted noise",
            "mean-squared error", bars);
  report_figure(s);
}

void plot_grid(const plot_settings& s) {
  output_file output(s.output);
  const image_dataset data = s.data.load(s, s.size);
  std::vector<image> tiles;
  for (std::size_t i = 0; i < std::min(data.size(), s.num_images); ++i)
    data.with_pixels(i, [&](std::span<const std::uint8_t> levels) {
      tiles.push_back(from_planar(levels, 3, s.size.height, s.size.width));
    });
  write_png(std::move(output), image_grid(tiles, {.columns = s.columns}));
  report(s, {{"output", path_text(s.output)}, {"images", tiles.size()}});
}

}  // namespace

void add_plot(CLI::App& program) {
  CLI::App& plot =
      *program.add_subcommand("plot", "Draws figures, their gnuplot script beside them");
  plot.require_subcommand(1);
  plot.footer("Example:\n  lift plot heatmap --heatmap heatmap.json --output heatmap.png");

  const auto add = [&](const char* name, const char* about, const std::string& example, auto run) {
    const auto s = std::make_shared<plot_settings>();
    CLI::App& app = add_command(plot, name, about,
                                text("lift plot ", name, " ", example, " --output figure.png"), s,
                                [run](const plot_settings& settings) {
                                  files inputs = settings.inputs;
                                  inputs.insert(inputs.end(),
                                                {settings.heatmap, settings.data.source});
                                  require_not_input(settings.output, inputs);
                                  interruption::install();
                                  interruptible([&] { run(settings); });
                                });
    output_option(app, s->output, "PNG");
    return std::pair<CLI::App&, plot_settings&>(app, *s);
  };
  const auto heatmap = [](CLI::App& app, plot_settings& s) {
    option(app, "--heatmap", s.heatmap, "Heatmap file")->required();
  };
  const auto schedule = [](CLI::App& app, plot_settings& s) {
    schedule_option(app, s.schedule)->description("Noise schedule [the files', or cosine]");
  };
  const auto inputs = [](CLI::App& app, plot_settings& s, const char* flag, const char* about) {
    return app.add_option(flag, s.inputs, about);
  };
  {
    auto [app, s] = add("heatmap", "Heatmaps of both scales and their sum, with paths on them",
                        "--heatmap heatmap.json --path dp-64.json greedy.json", plot_heatmap);
    heatmap(app, s);
    inputs(app, s, "--path", "Path files to draw on it");
    schedule(app, s);
  }
  {
    auto [app, s] = add("diagonal-error", "Error on the diagonal against the SNR",
                        "--heatmap heatmap.json", plot_diagonal_error);
    heatmap(app, s);
  }
  {
    auto [app, s] = add("paths", "Paths in the plane of the two SNRs",
                        "--path dp-64.json greedy.json", plot_paths);
    inputs(app, s, "--path", "Path files")->required();
    schedule(app, s);
  }
  {
    auto [app, s] = add("losses", "Losses of training runs, a curve for each",
                        "--stats run/stats.jsonl", plot_losses);
    inputs(app, s, "--stats", "stats.jsonl files of `lift train`")->required();
  }
  {
    auto [app, s] = add("frechet", "Fréchet distances: curves over the epoch, or bars without one",
                        "--result a.json b.json", plot_frechet);
    inputs(app, s, "--result", "Results of `lift measure frechet --output`")->required();
  }
  {
    auto [app, s] = add("mse", "Errors of `lift measure mse` as bars", "--result mse.json",
                        plot_mse);
    inputs(app, s, "--result", "Results of `lift measure mse --output`")->required();
  }
  {
    auto [app, s] = add("judge", "Distances of `lift judge` against evaluations", "--result judged.json",
                        plot_judge);
    inputs(app, s, "--result", "Results of `lift judge --output`")->required();
  }
  {
    auto [app, s] = add("grid", "Images of a data set side by side",
                        "--data samples --num-images 64", plot_grid);
    s.data.add(app);
    size_option(app, s.size);
    num_images_option(app, s.num_images);
    number_option(app, "--columns", s.columns, "Images a row; 0 = about as many as rows",
                  from_zero);
  }
}

}  // namespace lift::cli
