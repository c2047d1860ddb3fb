// SPDX-License-Identifier: MIT

#include <fstream>
#include <map>

#include <lift/io/heatmap_file.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/json_file.hpp>
#include <lift/io/path_file.hpp>
#include <lift/plot/figures.hpp>

#include "commands.hpp"
#include "images.hpp"

namespace lift::cli {
namespace {

using files = std::vector<path>;

struct plot_settings : session {
  path output, heatmap;
  files inputs;
  data_options data;
  std::string schedule = "cosine";
  std::size_t num_images = 64, columns = 0, size = 64;
};

/// Draws a figure and says where; a script whose drawing failed does not stay.
template <class Draw>
void draw(const plot_settings& s, const Draw& make) {
  const path script = path(s.output).replace_extension(".gp");
  try {
    make();
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(script, ignored);
    throw;
  }
  report(s, {{"output", s.output.string()}, {"script", script.string()}});
}

std::vector<drawn_path> read_paths(const plot_settings& s) {
  const any_schedule schedule = make_schedule(s.schedule);
  std::vector<drawn_path> paths;
  for (const path& file : s.inputs) {
    const named_path read = load_path(file);
    for (const timestep_pair& t : read.timesteps)
      require(std::max(t.fine, t.coarse) < schedule.num_timesteps(),
              text(file.string(), ": timestep"), std::max(t.fine, t.coarse),
              text("below ", schedule.num_timesteps()));
    paths.push_back({read.policy, snr_of(read.timesteps, schedule)});
  }
  return paths;
}

void plot_heatmap(const plot_settings& s) {
  draw(s, [&] { draw_heatmap(s.output, load_heatmap(s.heatmap), read_paths(s)); });
}

void plot_diagonal_error(const plot_settings& s) {
  draw(s, [&] { draw_diagonal_error(s.output, load_heatmap(s.heatmap)); });
}

void plot_paths(const plot_settings& s) {
  draw(s, [&] { draw_paths(s.output, read_paths(s)); });
}

/// The losses of a stats.jsonl, each point the mean over a stretch of steps.
curve read_losses(const path& file) {
  constexpr std::size_t points = 200;
  std::vector<std::pair<double, double>> all;
  const std::vector<std::byte> bytes = read_file(file);
  std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line, nullptr, false);
    const auto number = [&](const char* name) {
      if (!entry.is_object() || !entry.contains(name) || !entry[name].is_number())
        throw error(text(file.string(), ": line ", all.size() + 1, ": no number \"", name, "\""));
      return entry[name].get<double>();
    };
    all.emplace_back(number("step"), number("loss"));
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
  std::vector<curve> curves;
  for (const path& file : s.inputs) curves.push_back(read_losses(file));
  draw(s, [&] {
    draw_curves(s.output, "Training loss", "step", "mean-squared error", curves, true);
  });
}

/// A result of `lift measure`, checked to be there.
double result_number(const path& file, const nlohmann::json& result, const char* pointer) {
  const nlohmann::json::json_pointer at(pointer);
  if (!result.is_object() || !result.contains(at) || !result[at].is_number())
    throw error(text(file.string(), ": no number at ", pointer));
  return result[at].get<double>();
}

std::string label_of(const path& file, const nlohmann::json& result) {
  return result.is_object() && result.contains("label") && result["label"].is_string()
             ? result["label"].get<std::string>()
             : file.stem().string();
}

/// Curves over the epoch where every result has one, bars otherwise.
void plot_frechet(const plot_settings& s) {
  std::vector<bar> bars;
  std::map<std::string, curve> curves;
  bool over_epochs = true;
  for (const path& file : s.inputs) {
    const nlohmann::json result = read_json(file);
    const std::string label = label_of(file, result);
    const double distance = result_number(file, result, "/distance");
    bars.push_back({label, distance});
    over_epochs = over_epochs && result.contains("epoch");
    if (!over_epochs) continue;
    curve& c = curves[label];
    c.name = label;
    c.points.emplace_back(result_number(file, result, "/epoch"), distance);
  }
  draw(s, [&] {
    if (!over_epochs) return draw_bars(s.output, "Fréchet distance", "distance (not FID)", bars);
    std::vector<curve> sorted;
    for (auto& [name, c] : curves) {
      std::sort(c.points.begin(), c.points.end());
      sorted.push_back(c);
    }
    draw_curves(s.output, "Fréchet distance", "epoch", "distance (not FID)", sorted);
  });
}

void plot_mse(const plot_settings& s) {
  std::vector<bar> bars;
  for (const path& file : s.inputs) {
    const nlohmann::json result = read_json(file);
    const std::string label = s.inputs.size() > 1 ? label_of(file, result) + ", " : "";
    for (const auto& [name, title] : {std::pair{"both_noisy", "both noisy"},
                                      std::pair{"coarse_clean", "coarse clean"},
                                      std::pair{"fine_clean", "fine clean"}})
      bars.push_back({label + title,
                      result_number(file, result, text("/", name, "/mean/0").c_str())});
  }
  draw(s, [&] {
    draw_bars(s.output, "Error of the predicted noise", "mean-squared error", bars);
  });
}

void plot_grid(const plot_settings& s) {
  output_file output(s.output);
  const image_dataset data = s.data.load(s, s.size);
  std::vector<image> tiles;
  for (std::size_t i = 0; i < std::min(data.size(), s.num_images); ++i)
    tiles.push_back(from_planar(data.pixels(i), 3, s.size, s.size));
  write_png(std::move(output), image_grid(tiles, {.columns = s.columns}));
  report(s, {{"output", s.output.string()}, {"images", tiles.size()}});
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
                                run);
    output_option(app, s->output, "PNG");
    return std::pair<CLI::App&, plot_settings&>(app, *s);
  };
  const auto heatmap = [](CLI::App& app, plot_settings& s) {
    option(app, "--heatmap", s.heatmap, "Heatmap file")->required();
  };
  const auto inputs = [](CLI::App& app, plot_settings& s, const char* flag, const char* about) {
    return app.add_option(flag, s.inputs, about);
  };
  {
    auto [app, s] = add("heatmap", "Heatmaps of both scales and their sum, with paths on them",
                        "--heatmap heatmap.json --path dp-64.json greedy.json", plot_heatmap);
    heatmap(app, s);
    inputs(app, s, "--path", "Path files to draw on it");
    schedule_option(app, s.schedule);
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
    schedule_option(app, s.schedule);
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
    auto [app, s] = add("grid", "Images of a data set side by side",
                        "--data samples --num-images 64", plot_grid);
    s.data.add(app);
    size_option(app, s.size);
    num_images_option(app, s.num_images);
    option(app, "--columns", s.columns, "Images a row; 0 = about as many as rows");
  }
}

}  // namespace lift::cli
