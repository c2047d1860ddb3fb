// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/path/path.hpp>
#include <lift/plot/gnuplot.hpp>

namespace lift {

/// A path with the name a legend shows.
struct drawn_path {
  std::string name;
  snr_path<> nodes;
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

/// Writes what `clause(k)` writes for each k below n, separated as the parts of a plot command are.
void plot_clauses(figure& f, std::size_t n, const auto& clause) {
  for (std::size_t k = 0; k < n; ++k) {
    if (k > 0) f << ", \\\n  ";
    clause(k);
  }
  f << "\n";
}

/// One of the six line styles.
inline std::size_t style(std::size_t k) { return k % 6 + 1; }

/// A table of log10 of a grid over (log10 γ_coarse, log10 γ_fine), in gnuplot's blocks.
inline std::vector<std::vector<double>> surface(const error_heatmap<>& map, const grid<>& values) {
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < map.size(); ++i) {
    for (std::size_t j = 0; j < map.size(); ++j)
      rows.push_back({std::log10(map.gamma[j]), std::log10(map.gamma[i]),
                      std::log10(std::max(values(i, j), 1e-300))});
    rows.emplace_back();
  }
  return rows;
}

}  // namespace detail

/// Heatmaps of log₁₀ error, fine, coarse and total side by side (viridis), with paths over them:
/// the coarse SNR to the right, the fine SNR upwards.
inline void draw_heatmap(figure_files to, const error_heatmap<>& map,
                         const std::vector<drawn_path>& paths = {}) {
  validate(map);
  figure f(1500, 560);
  const struct {
    gnuplot_code name;
    grid<> values;
  } panels[] = {{"fine", map.fine()}, {"coarse", map.coarse()}, {"total", total(map)}};
  for (const auto& [name, values] : panels) (f << "$" << name).data(detail::surface(map, values));
  for (std::size_t k = 0; k < paths.size(); ++k) {
    std::vector<std::vector<double>> rows;
    for (const scales<double>& node : paths[k].nodes)
      if (node.fine() > 0 && node.coarse() > 0)
        rows.push_back({std::log10(node.coarse()), std::log10(node.fine())});
    (f << "$path" << k).data(rows);
  }
  const double low = std::log10(map.gamma.front()), high = std::log10(map.gamma.back());
  const double half = (high - low) / (2 * static_cast<double>(map.size() - 1));
  f << "set palette defined (0 '#440154', 1 '#472c7a', 2 '#3b518b', 3 '#2c718e', 4 '#21908d', "
       "5 '#27ad81', 6 '#5cc863', 7 '#aadc32', 8 '#fde725')\n"
       "set multiplot layout 1,3\nset size ratio 1\n"
    << "set xrange [" << low - half << ":" << high + half << "]\n"
    << "set yrange [" << low - half << ":" << high + half << "]\n"
    << "set xlabel 'log_{10} SNR, coarse'\nset ylabel 'log_{10} SNR, fine'\n"
       "set key below noenhanced\n";
  for (const auto& panel : panels) {
    f << "set title 'log_{10} error, " << panel.name << "'\nplot ";
    f << "$" << panel.name << " using 1:2:3 with image notitle";
    for (std::size_t k = 0; k < paths.size(); ++k)  // white around them, as cells may be as dark
      f << ", \\\n  $path" << k << " with lines lw 4 lc rgb '#ffffff' notitle";
    for (std::size_t k = 0; k < paths.size(); ++k)
      f << ", \\\n  $path" << k << " with linespoints ls " << detail::style(k) << " title "
        << caption(paths[k].name);
    f << "\n";
  }
  f << "unset multiplot\n";
  f.draw(std::move(to));
}

/// The error along the diagonal against the SNR γ, with a γ⁻² guide; below, error·γ².
inline void draw_diagonal_error(figure_files to, const error_heatmap<>& map) {
  validate(map);
  const grid<> sum = total(map);
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < map.size(); ++i)
    rows.push_back({map.gamma[i], map.fine()(i, i), map.coarse()(i, i), sum(i, i)});
  figure f(1100, 480);
  (f << "$diagonal").data(rows);
  const std::size_t middle = map.size() / 2;
  f << "guide = " << sum(middle, middle) * map.gamma[middle] * map.gamma[middle]
    << "\nset multiplot layout 1,2\nset logscale xy\nset format '10^{%T}'\nset xlabel 'SNR γ'\n"
       "set key top right\n"
       "set title 'error on the diagonal'\n"
       "plot $diagonal using 1:2 with linespoints ls 1 title 'fine', "
       "'' using 1:3 with linespoints ls 2 title 'coarse', "
       "'' using 1:4 with linespoints ls 3 title 'total', "
       "guide/x**2 with lines lc rgb '#999999' dt 2 title 'γ^{−2}'\n"
       "set title 'error · γ^2'\n"
       "plot $diagonal using 1:($2*$1**2) with linespoints ls 1 title 'fine', "
       "'' using 1:($3*$1**2) with linespoints ls 2 title 'coarse', "
       "'' using 1:($4*$1**2) with linespoints ls 3 title 'total'\n"
       "unset multiplot\n";
  f.draw(std::move(to));
}

/// Paths in the plane of the two log-SNRs, without a heatmap: how a path changes over training,
/// or how policies differ.
inline void draw_paths(figure_files to, const std::vector<drawn_path>& paths) {
  require(!paths.empty(), "paths to draw", 0, "at least one");
  figure f(640, 640);
  for (std::size_t k = 0; k < paths.size(); ++k) {
    std::vector<std::vector<double>> rows;
    for (const scales<double>& node : paths[k].nodes) rows.push_back({node.coarse(), node.fine()});
    (f << "$path" << k).data(rows);
  }
  f << "set logscale xy\nset format '10^{%T}'\nset size ratio 1\nset key below noenhanced\n"
       "set xlabel 'SNR, coarse'\nset ylabel 'SNR, fine'\nset title 'sampling paths'\nplot ";
  detail::plot_clauses(f, paths.size(), [&](std::size_t k) {
    f << "$path" << k << " with linespoints ls " << detail::style(k) << " title "
      << caption(paths[k].name);
  });
  f.draw(std::move(to));
}

/// Curves over a common axis: losses against steps, Fréchet distance against epochs.
inline void draw_curves(figure_files to, const std::string& title,
                        const std::string& x_label, const std::string& y_label,
                        const std::vector<curve>& curves, bool log_y = false) {
  require(!curves.empty(), "curves to draw", 0, "at least one");
  const bool many = curves.size() > 3;
  figure f(800, 480 + (many ? 18 * static_cast<int>(std::min<std::size_t>(curves.size(), 60)) : 0));
  for (std::size_t k = 0; k < curves.size(); ++k) {
    std::vector<std::vector<double>> rows;
    for (const auto& [x, y] : curves[k].points) rows.push_back({x, y});
    (f << "$curve" << k).data(rows);
  }
  if (log_y) f << "set logscale y\n";
  f << "set title " << caption(title) << " noenhanced\nset xlabel " << caption(x_label)
    << " noenhanced\nset ylabel " << caption(y_label) << " noenhanced\nset key "
    << (many ? gnuplot_code("below") : gnuplot_code("top right"))
    << " noenhanced\nplot ";
  detail::plot_clauses(f, curves.size(), [&](std::size_t k) {
    f << "$curve" << k << " with ";
    if (curves[k].points.size() > 60)
      f << "lines";
    else
      f << "linespoints";
    f << " ls " << detail::style(k) << " title " << caption(curves[k].name);
  });
  f.draw(std::move(to));
}

/// A bar for each named number.
inline void draw_bars(figure_files to, const std::string& title, const std::string& y_label,
                      const std::vector<bar>& bars) {
  require(!bars.empty(), "bars to draw", 0, "at least one");
  const bool many = bars.size() > 4;
  figure f(160 + 110 * static_cast<int>(std::min<std::size_t>(bars.size(), 100)),
           many ? 500 : 440);
  std::vector<std::vector<double>> rows;
  for (const bar& b : bars) rows.push_back({b.value});
  (f << "$bars").data(rows);
  f << "set title " << caption(title) << " noenhanced\nset ylabel " << caption(y_label)
    << " noenhanced\nset style fill solid 0.8 noborder\nset boxwidth 0.6\nset yrange [0:*]\n"
       "set offsets 0, 0, graph 0.08, 0\n"  // for the number on the tallest
       "set xrange [-0.6:"
    << static_cast<double>(bars.size()) - 0.4 << "]\nunset key\n"
    << (many ? gnuplot_code("set lmargin 18\n") : gnuplot_code("")) << "set xtics "
    << (many ? gnuplot_code("rotate by 30 right ") : gnuplot_code("")) << "noenhanced (";
  for (std::size_t k = 0; k < bars.size(); ++k) {
    if (k > 0) f << ", ";
    f << tick_caption(bars[k].name) << " " << k;
  }
  f << ")\nplot $bars using 0:1 with boxes ls 1, "
       "'' using 0:1:(sprintf('%.3g', $1)) with labels offset 0,0.7\n";
  f.draw(std::move(to));
}

}  // namespace lift
