// SPDX-License-Identifier: MIT

#include "study_report.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <sstream>
#include <utility>

#include <lift/core/digits.hpp>
#include <lift/io/file.hpp>

namespace lift::cli {
namespace {

namespace fs = std::filesystem;

std::string escaped(const std::string& plain) {
  std::string result;
  for (const char c : printable(plain)) switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  return result;
}

std::string base64(std::span<const std::byte> bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      result += k <= count ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return result;
}

constexpr const char* style = R"(
:root { color-scheme: light dark; --ground: #fff; --text: #1c1c1e; --faint: #6b6b70; --line: #d9d9de; --mark: #f2f4f8; }
@media (prefers-color-scheme: dark) { :root { --ground: #16171a; --text: #e8e8ea; --faint: #9b9ba1; --line: #34353a; --mark: #22242a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 1rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; } td.name, th.name { text-align: left; } tr.published td { color: var(--faint); background: var(--mark); }
.note { color: var(--faint); font-size: .875rem; overflow-wrap: anywhere; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.figures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.figures figure.whole { grid-column: 1 / -1; overflow-x: auto; } .whole img { min-width: 56rem; } figcaption { color: var(--faint); font-size: .875rem; }
.samples { display: grid; gap: .75rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.row { overflow: hidden; border-radius: 4px; } .row img { width: 100%; display: block; image-rendering: pixelated; }
)";

class page {
 public:
  page(const study_config& config, const json& results, const std::set<std::string>& figures,
       const find_result& find, const fs::path& folder)
      : config_(config), results_(results), figures_(figures), find_(find), folder_(folder) {}

  std::string html() {
    html_ = text("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
                 escaped(config_.title), "</title><style>", style, "</style></head><body>\n<h1>",
                 escaped(config_.title), "</h1>\n");
    paragraph(config_.about);
    for (std::size_t t = 0; t < config_.tables.size(); ++t) table(t);
    networks();
    settings();
    html_ += "</body></html>\n";
    return html_;
  }

 private:
  /// Paragraphs: an empty line ends one.
  void paragraph(const std::string& words, const char* kind = "") {
    std::istringstream lines(words);
    std::string paragraph;
    const auto end = [&] {
      if (!paragraph.empty())
        html_ += text("<p", *kind ? text(" class=\"", kind, "\"") : "", ">", escaped(paragraph),
                      "</p>\n");
      paragraph.clear();
    };
    for (std::string line; std::getline(lines, line);) {
      if (line.find_first_not_of(" \t\r") == line.npos)
        end();
      else
        paragraph += (paragraph.empty() ? "" : " ") + line;
    }
    end();
  }

  /// A picture in the page itself; nothing where it is not there.
  static std::string picture(const std::optional<fs::path>& file, const std::string& about) {
    if (!file) return "";
    return text("<img loading=\"lazy\" alt=\"", escaped(about), "\" src=\"data:image/png;base64,",
                base64(read_file(*file)), "\">");
  }
  bool figure(const std::string& name, const std::string& about, bool whole = false) {
    if (!figures_.contains(name)) return false;
    html_ += text("<figure", whole ? " class=\"whole\"" : "", ">",
                  picture(folder_ / "figures" / (name + ".png"), about), "<figcaption>",
                  escaped(about), "</figcaption></figure>\n");
    return true;
  }

  void table(std::size_t t) {
    const study_table& config = config_.tables[t];
    const json& table = results_["tables"][t];
    html_ += text("<h2>", escaped(config.title), "</h2>\n");
    paragraph(config.about);
    const std::size_t numbers = table["rows"].empty() ? 0 : table["rows"][0]["numbers"].size();
    for (std::size_t n = 0; n < numbers; ++n) numbers_of(config, table, n);
    paragraph(text(config_.num_images, " images", mean_over(config)), "note");
    figure(text("table-", t + 1), config.title);
    samples(config);
  }

  /// What the numbers of a table are means over, where that is more than one.
  static std::string mean_over(const study_table& table) {
    std::size_t trainings = 1;
    for (const table_row& row : table.rows) trainings = std::max(trainings, row.trainings.size());
    const std::size_t seeds = table.seeds.size();
    if (trainings == 1 && seeds == 1) return "";
    return text(", mean ± standard deviation over ",
                trainings > 1 ? text("the trainings, up to ", trainings) : "",
                trainings > 1 && seeds > 1 ? ", and " : "",
                seeds > 1 ? text(seeds, " seeds of sampling") : "");
  }

  /// One number of a table: what others published, then each row, the best of every column in bold.
  void numbers_of(const study_table& config, const json& table, std::size_t n) {
    const json& first = table["rows"][0]["numbers"][n];
    const bool lower = first["lower_is_better"];
    html_ +=
        text("<h3>", escaped(first["number"].get<std::string>()), ", ",
             escaped(first["measure"].get<std::string>()), " (", lower ? "lower" : "higher",
             " is better)</h3>\n<div class=\"wide\"><table>\n<tr><th class=\"name\">model</th>",
             "<th class=\"name\">path</th><th class=\"name\">sampler</th>");
    for (const std::string& name : column_names(table)) html_ += text("<th>", name, "</th>");
    html_ += "</tr>\n";
    if (n == 0)
      for (const published_row& row : config.published) {
        html_ += text("<tr class=\"published\"><td class=\"name\" colspan=\"3\">",
                      escaped(row.name), "</td>");
        for (const double value : row.values) html_ += text("<td>", value, "</td>");
        html_ += "</tr>\n";
      }
    for (const json& row : table["rows"]) {
      html_ += "<tr>";
      for (const char* name : {"model", "path", "sampler"})
        html_ += text("<td class=\"name\">", escaped(row[name].get<std::string>()), "</td>");
      const json& cells = row["numbers"][n]["cells"];
      for (std::size_t c = 0; c < cells.size(); ++c) {
        const std::string words = cell_text(cells[c]);
        html_ += is_best(table, n, c, cells[c], lower) ? text("<td><b>", words, "</b></td>")
                                                       : text("<td>", words, "</td>");
      }
      html_ += "</tr>\n";
    }
    html_ += "</table></div>\n";
  }

  static bool is_best(const json& table, std::size_t n, std::size_t c, const json& cell,
                      bool lower) {
    if (cell.is_null() || table["rows"].size() < 2) return false;
    const double mean = cell["mean"];
    return std::ranges::all_of(table["rows"], [&](const json& row) {
      const json& other = row["numbers"][n]["cells"][c];
      return other.is_null() ||
             (lower ? mean <= other["mean"].get<double>() : mean >= other["mean"].get<double>());
    });
  }

  /// The same noise along every row's way: the first images, and two of them on their way.
  void samples(const study_table& config) {
    std::string images, strips;
    for (const table_row& each : config.rows) {
      const compared_row row = each.of(each.trainings.front());
      const sample_set set{row, config.epochs.back(), config.steps.back(), config.seeds.front()};
      // The first two rows of a picture of so many columns.
      const auto add = [&](std::string& to, const std::string& file, double columns) {
        if (const std::string image = picture(find_(file), row.label()); !image.empty())
          to += text("<div><div class=\"row\" style=\"aspect-ratio:", columns / 2, "\">", image,
                     "</div><div class=\"note\">", escaped(row.label()), "</div></div>\n");
      };
      add(images, grid_file(set),
          std::ceil(std::sqrt(std::min<std::size_t>(config_.num_images, 64))));
      add(strips, strip_file(set), std::min<double>(static_cast<double>(set.steps), 10));
    }
    const std::string when = text("epoch ", config.epochs.back(), ", ", config.steps.back(),
                                  " steps, seed ", config.seeds.front());
    if (!images.empty())
      html_ += text("<h3>Images from the same noise</h3>\n<p class=\"note\">", when,
                    "</p><div class=\"samples\">\n", images, "</div>\n");
    if (!strips.empty())
      html_ += text("<h3>On the way from noise</h3>\n<p class=\"note\">", when,
                    "</p><div class=\"samples\">\n", strips, "</div>\n");
  }

  /// What was compared, and how: all settings, and what each measure says of itself.
  void settings() {
    html_ += "<h2>What was compared</h2>\n";
    paragraph(text("Images: ", results_["data"].get<std::string>(), " (",
                   results_["data_identity"].get<std::string>(), "), ", config_.size,
                   " pixels, ", config_.batch_size, " generated at once",
                   config_.reference_images ? text(", measured against ", config_.reference_images) : "",
                   "; LIFT ", results_["lift"].get<std::string>(),
                   config_.backend.empty() ? "" : ", " + config_.backend),
              "note");
    named("every training", results_["train"]);
    named("every heatmap", results_["heatmap"]);
    if (config_.has_error_test) named("every error test", results_["error_test"]);
    for (const char* kind : {"models", "paths", "samplers", "measures"})
      for (const auto& [name, flags] : results_[kind].items())
        named(std::string(kind, std::char_traits<char>::length(kind) - 1) + " " + name, flags);
    if (results_["protocols"].empty()) return;
    html_ += "<h3>What the measures say of themselves</h3>\n";
    for (const auto& [name, about] : results_["protocols"].items()) named(name, about);
  }
  void named(const std::string& name, const json& values) {
    std::string words;
    for (const auto& [field, value] : values.items()) {
      std::string label = field;
      std::ranges::replace(label, '_', ' ');
      words += text(words.empty() ? "" : "; ", label, " ",
                    value.is_string() ? value.template get<std::string>() : json_text(value));
    }
    html_ += text("<p class=\"note\"><b>", escaped(name), "</b> ",
                  escaped(words.empty() ? "as usual" : words), "</p>\n");
  }

  void networks() {
    const std::string before = std::exchange(html_, "");
    bool maps = false;
    figure("losses", "Training losses");
    figure("mse", "Error with all scales noisy, or one clean");
    for (const named_flags& model : config_.models) {
      for (const char* kind : {"", "-losses"}) {
        maps |= figure("heatmap-" + model.name + kind,
                       text(model.name, ": error of each scale, and paths on it"), true);
        figure("diagonal-" + model.name + kind,
               text(model.name, ": error along the diagonal, with a guide SNR⁻²"));
      }
      for (const named_flags& path : config_.paths)
        figure("epochs-" + model.name + "-" + path.name,
               text(model.name, ": ", path.name, " over the epochs, on the last error"), true);
    }
    const std::string figures = std::exchange(html_, before);
    if (figures.empty()) return;
    html_ += "<h2>Networks</h2>\n";
    if (maps)
      paragraph(
          "Generating walks from pure noise to a clean image, and the scales need not walk at the "
          "same pace. Each cell of a heatmap is a pair of noise levels, as signal-to-noise ratios; "
          "its colour is the error that a step there is expected to make. The lines are the paths "
          "that were sampled along, from noise (bottom left) to the clean image (top right); the "
          "diagonal has all scales at one noise level.");
    html_ += text("<div class=\"figures\">\n", figures, "</div>\n");
  }

  const study_config& config_;
  const json& results_;
  const std::set<std::string>& figures_;
  const find_result& find_;
  const fs::path& folder_;
  std::string html_;
};

}  // namespace

void write_study_report(const study_config& config, const json& results,
                        const std::set<std::string>& figures, const find_result& find,
                        const fs::path& folder) {
  atomic_write(output_file(folder / "report.html"),
               page(config, results, figures, find, folder).html());
}

}  // namespace lift::cli
