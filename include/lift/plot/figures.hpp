// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <lift/analysis/heatmap.hpp>
#include <lift/path/path.hpp>
#include <lift/plot/gnuplot.hpp>

namespace lift {

/// A path with the name a legend shows.
struct drawn_path {
  std::string name;
  snr_path nodes;
};

/// A named sequence of (x, y) points.
struct curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

/// A named number of a bar chart.
struct bar {
  std::string name;
  double value;
};

namespace detail {
/// Writes "'file' with …" clauses, one for each curve, joined by commas.
inline std::string plot_clauses(std::size_t n, const auto& clause) {
  std::string result;
  for (std::size_t i = 0; i < n; ++i) result += (i ? ", \\\n  " : "") + clause(i);
  return result;
}

/// A table of log10 of a grid over (log10 γ_coarse, log10 γ_fine), in gnuplot's blocks.
inline void add_surface(figure& f, const std::string& name, const error_heatmap& map,
                        const grid& values) {
  f << '$' << name << " << EOD\n";
  for (std::size_t i = 0; i < map.size(); ++i) {
    for (std::size_t j = 0; j < map.size(); ++j)
      f << std::log10(map.gamma[j]) << ' ' << std::log10(map.gamma[i]) << ' '
        << std::log10(std::max(values(i, j), 1e-300)) << '\n';
    f << '\n';
  }
  f << "EOD\n";
}
}  // namespace detail

/// Heatmaps of log₁₀ error, fine, coarse and total side by side (viridis), with paths over them:
/// the coarse SNR to the right, the fine SNR upwards.
inline void draw_heatmap(const std::filesystem::path& picture, const error_heatmap& map,
                         const std::vector<drawn_path>& paths = {}) {
  validate(map);
  figure f(1500, 560);
  const std::vector<std::pair<std::string, grid>> panels = {
      {"fine", map.fine}, {"coarse", map.coarse}, {"total", total(map)}};
  for (const auto& [name, values] : panels) detail::add_surface(f, name, map, values);
  for (std::size_t k = 0; k < paths.size(); ++k) {
    std::vector<std::vector<double>> rows;
    for (const snr_pair& node : paths[k].nodes)
      if (node.fine > 0 && node.coarse > 0)
        rows.push_back({std::log10(node.coarse), std::log10(node.fine)});
    f.data("path" + std::to_string(k), rows);
  }
  const double low = std::log10(map.gamma.front()), high = std::log10(map.gamma.back());
  const double half = (high - low) / (2 * static_cast<double>(map.size() - 1));
  f << "set palette defined (0 '#440154', 1 '#472c7a', 2 '#3b518b', 3 '#2c718e', 4 '#21908d', "
       "5 '#27ad81', 6 '#5cc863', 7 '#aadc32', 8 '#fde725')\n"
    << "set multiplot layout 1,3\nset size ratio 1\n"
    << "set xrange [" << low - half << ':' << high + half << "]\n"
    << "set yrange [" << low - half << ':' << high + half << "]\n"
    << "set xlabel 'log_{10} SNR, coarse'\nset ylabel 'log_{10} SNR, fine'\n"
    << "set key below\n";
  for (const auto& panel : panels) {
    f << "set title 'log_{10} error, " << panel.first << "'\nplot $" << panel.first
      << " using 1:2:3 with image notitle"
      << (paths.empty() ? "" : ", \\\n  ")
      << detail::plot_clauses(paths.size(), [&](std::size_t k) {
           return "$path" + std::to_string(k) + " with linespoints ls " +
                  std::to_string(k % 6 + 1) + " title " + figure::quoted(paths[k].name);
         })
      << '\n';
  }
  f << "unset multiplot\n";
  f.draw(picture);
}

/// The error along the diagonal against the SNR γ, with a γ⁻² guide; below, error·γ².
inline void draw_diagonal_error(const std::filesystem::path& picture, const error_heatmap& map) {
  validate(map);
  const grid sum = total(map);
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < map.size(); ++i)
    rows.push_back({map.gamma[i], map.fine(i, i), map.coarse(i, i), sum(i, i)});
  figure f(1100, 480);
  f.data("diagonal", rows);
  const std::size_t middle = map.size() / 2;
  f << "guide = " << sum(middle, middle) * map.gamma[middle] * map.gamma[middle] << "\n"
    << "set multiplot layout 1,2\nset logscale xy\nset format '10^{%T}'\nset xlabel 'SNR γ'\n"
    << "set key top right\n"
    << "set title 'error on the diagonal'\n"
    << "plot $diagonal using 1:2 with linespoints ls 1 title 'fine', "
       "'' using 1:3 with linespoints ls 2 title 'coarse', "
       "'' using 1:4 with linespoints ls 3 title 'total', "
       "guide/x**2 with lines lc rgb '#999999' dt 2 title 'γ^{−2}'\n"
    << "set title 'error · γ^2'\n"
    << "plot $diagonal using 1:($2*$1**2) with linespoints ls 1 title 'fine', "
       "'' using 1:($3*$1**2) with linespoints ls 2 title 'coarse', "
       "'' using 1:($4*$1**2) with linespoints ls 3 title 'total'\n"
    << "unset multiplot\n";
  f.draw(picture);
}

/// Paths in the plane of the two log-SNRs, without a heatmap: how a path changes over training,
/// or how policies differ.
inline void draw_paths(const std::filesystem::path& picture,
                       const std::vector<drawn_path>& paths) {
  require(!paths.empty(), "paths to draw", 0, "at least one");
  figure f(640, 640);
  for (std::size_t k = 0; k < paths.size(); ++k) {
    std::vector<std::vector<double>> rows;
    for (const snr_pair& node : paths[k].nodes) rows.push_back({node.coarse, node.fine});
    f.data("path" + std::to_string(k), rows);
  }
  f << "set logscale xy\nset format '10^{%T}'\nset size ratio 1\nset key below\n"
    << "set xlabel 'SNR, coarse'\nset ylabel 'SNR, fine'\nset title 'sampling paths'\nplot "
    << detail::plot_clauses(paths.size(), [&](std::size_t k) {
         return "$path" + std::to_string(k) + " with linespoints ls " + std::to_string(k % 6 + 1) +
                " title " + figure::quoted(paths[k].name);
       })
    << '\n';
  f.draw(picture);
}

/// Curves over a common axis: losses against steps, Fréchet distance against epochs.
inline void draw_curves(const std::filesystem::path& picture, const std::string& title,
                        const std::string& x_label, const std::string& y_label,
                        const std::vector<curve>& curves, bool log_y = false) {
  require(!curves.empty(), "curves to draw", 0, "at least one");
  figure f(800, 480);
  for (std::size_t k = 0; k < curves.size(); ++k) {
    std::vector<std::vector<double>> rows;
    for (const auto& [x, y] : curves[k].points) rows.push_back({x, y});
    f.data("curve" + std::to_string(k), rows);
  }
  if (log_y) f << "set logscale y\n";
  f << "set title " << figure::quoted(title) << "\nset xlabel " << figure::quoted(x_label)
    << "\nset ylabel " << figure::quoted(y_label) << "\nset key top right\nplot "
    << detail::plot_clauses(curves.size(), [&](std::size_t k) {
         const bool dense = curves[k].points.size() > 60;
         return "$curve" + std::to_string(k) + " with " + (dense ? "lines" : "linespoints") +
                " ls " + std::to_string(k % 6 + 1) + " title " + figure::quoted(curves[k].name);
       })
    << '\n';
  f.draw(picture);
}

/// A bar for each named number.
inline void draw_bars(const std::filesystem::path& picture, const std::string& title,
                      const std::string& y_label, const std::vector<bar>& bars) {
  require(!bars.empty(), "bars to draw", 0, "at least one");
  figure f(160 + 110 * static_cast<int>(bars.size()), 440);
  f << "$bars << EOD\n";
  for (const bar& b : bars) {  // among data, gnuplot takes a string in double quotes alone
    std::string name = b.name;
    std::replace(name.begin(), name.end(), '"', '\'');
    f << '"' << name << "\" " << b.value << '\n';
  }
  f << "EOD\nset title " << figure::quoted(title) << "\nset ylabel " << figure::quoted(y_label)
    << "\nset style fill solid 0.8 noborder\nset boxwidth 0.6\nset yrange [0:*]\n"
    << "set xrange [-0.6:" << static_cast<double>(bars.size()) - 0.4 << "]\nunset key\n"
    << "plot $bars using 0:2:xtic(1) with boxes ls 1, "
       "'' using 0:2:(sprintf('%.3g', $2)) with labels offset 0,0.7\n";
  f.draw(picture);
}

}  // namespace lift
