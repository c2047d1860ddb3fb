// SPDX-License-Identifier: MIT

#include "study_results.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <lift/core/digits.hpp>

#include "../progress.hpp"

namespace lift::cli {

const std::vector<measured_number> measured_numbers = {
    {"frechet", "distance", "Fréchet distance", true},
    {"frechet", "extrapolated", "Fréchet distance for infinitely many images", true},
    {"kid", "distance", "Kernel distance", true},
    {"precision-recall", "precision", "Precision", false},
    {"precision-recall", "recall", "Recall", false},
    {"diversity", "diversity", "LPIPS diversity", false},
};

namespace {

/// The values of all trainings and seeds that are there, as {"values", "mean", "deviation"}.
json summary(const std::vector<double>& values) {
  if (values.empty()) return nullptr;
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / static_cast<double>(values.size());
  for (const double x : values) squares += (x - mean) * (x - mean);
  json result = {{"values", values}, {"mean", mean}, {"deviation", nullptr}};
  if (values.size() > 1)
    result["deviation"] = std::sqrt(squares / static_cast<double>(values.size() - 1));
  return result;
}

/// Rows of cells in columns, the first to the left and the others to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c)
      widths[c] = std::max(widths[c], displayed_width(row[c]));
  std::string lines;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string room(widths[c] - displayed_width(row[c]), ' ');
      lines += c == 0 ? row[c] + room : "  " + room + row[c];
    }
    lines += '\n';
  }
  return lines;
}

/// What a result says of how it was measured: all but numbers that differ from one to the next.
json about_measure(const json& result) {
  json about = json::object();
  for (const auto& [name, value] : result.items()) {
    bool differs = name == "epoch" || name == "label" || name == "data" ||
                   name == "data_fingerprint" || name == "against" || name == "standard_error";
    for (const measured_number& number : measured_numbers)
      differs = differs || name == number.field;
    if (!differs) about[name] = value;
  }
  return about;
}

class table_builder {
 public:
  table_builder(const study_config& config, const study_table& table, const find_result& find,
                json& protocols)
      : config_(config), table_(table), find_(find), protocols_(protocols) {}

  json build() {
    json result = {{"title", table_.title}, {"about", table_.about}, {"seeds", table_.seeds}};
    for (const std::size_t epoch : table_.epochs)
      for (const std::size_t steps : table_.steps)
        result["columns"].push_back({{"epoch", epoch}, {"steps", steps}});
    result["published"] = json::array();
    for (const published_row& row : table_.published)
      result["published"].push_back({{"name", row.name}, {"values", row.values}});
    result["rows"] = json::array();
    for (const table_row& each : table_.rows) result["rows"].push_back(row(each));
    return result;
  }

 private:
  json row(const table_row& each) {
    json result = {{"model", each.compared.model},
                   {"path", each.compared.path},
                   {"sampler", each.compared.sampler},
                   {"trainings", each.trainings},
                   {"numbers", json::array()}};
    for (const std::string& name : table_.measures)
      for (const measured_number& number : measured_numbers) {
        const named_flags& how = study_config::named(config_.measures, name);
        if (how.text_of("measure") != number.measure) continue;
        if (number.field == "extrapolated" && !how.has("extrapolate")) continue;
        json cells = json::array();
        for (const std::size_t epoch : table_.epochs)
          for (const std::size_t steps : table_.steps) {
            std::vector<double> values;
            for (const std::string& training : each.trainings)
              for (const std::uint64_t seed : table_.seeds)
                if (const auto value =
                        read({each.of(training), epoch, steps, seed}, name, number.field))
                  values.push_back(*value);
            cells.push_back(summary(values));
          }
        result["numbers"].push_back({{"measure", name},
                                     {"number", number.title},
                                     {"lower_is_better", number.lower_is_better},
                                     {"cells", cells}});
      }
    return result;
  }

  std::optional<double> read(const sample_set& set, const std::string& measure,
                             const std::string& field) {
    const auto file = find_(measure_file(set, measure));
    if (!file) return std::nullopt;
    const nlohmann::json result = read_json(*file);
    if (!protocols_.contains(measure)) protocols_[measure] = about_measure(json(result));
    if (!result.contains(field)) return std::nullopt;
    if (result[field].is_array()) {
      const auto list = json_field<std::vector<double>>(result, file->string(), field.c_str());
      require(!list.empty(), text(file->string(), ": ", field), "an empty list", "a number in it");
      return list[0];
    }
    return json_field<double>(result, file->string(), field.c_str());
  }

  const study_config& config_;
  const study_table& table_;
  const find_result& find_;
  json& protocols_;
};

/// Flags as {name: value}.
json settings_of(const std::vector<flag>& flags) {
  json result = json::object();
  for (const flag& f : flags) result[f.name] = flag_text(f);
  return result;
}
json settings_of(const std::vector<named_flags>& all) {
  json result = json::object();
  for (const named_flags& named : all) result[named.name] = settings_of(named.flags);
  return result;
}

/// How many decimals show x in so many significant digits, trailing zeros too.
int decimals_of(double x, int digits) {
  return x == 0 ? digits - 1
                : std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(std::abs(x)))));
}

/// A number with so many decimals; in as few digits as "%g" writes where that would be long.
std::string in_decimals(double x, int decimals) {
  if (!(std::abs(x) < 1e9) || decimals > 9) return significant_digits(x, 3);
  char written[32];
  return {
      written,
      std::to_chars(written, written + sizeof written, x, std::chars_format::fixed, decimals).ptr};
}

}  // namespace

json study_results(const study_config& config, const std::string& data_identity,
                   const find_result& find) {
  json protocols = json::object(), tables = json::array();
  for (const study_table& table : config.tables)
    tables.push_back(table_builder(config, table, find, protocols).build());
  return {{"format", "lift study results"},
          {"lift", LIFT_VERSION},
          {"title", config.title},
          {"about", config.about},
          {"data", path_text(config.data.filename())},
          {"data_identity", data_identity},
          {"size", config.size},
          {"images", config.num_images},
          {"images_at_once", config.batch_size},
          {"reference_images", config.reference_images},
          {"epochs", config.epochs},
          {"train", settings_of(config.train)},
          {"models", settings_of(config.models)},
          {"heatmap", settings_of(config.heatmap)},
          {"error_test", config.has_error_test ? settings_of(config.error_test) : json()},
          {"paths", settings_of(config.paths)},
          {"samplers", settings_of(config.samplers)},
          {"measures", settings_of(config.measures)},
          {"protocols", protocols},
          {"tables", tables}};
}

std::string cell_text(const json& cell) {
  if (cell.is_null()) return "–";
  const double mean = cell["mean"];
  const double deviation = cell["deviation"].is_null() ? 0 : cell["deviation"].get<double>();
  const int decimals =
      deviation > 0 ? decimals_of(deviation, 2) : decimals_of(mean, std::abs(mean) >= 100 ? 4 : 3);
  if (cell["deviation"].is_null()) return in_decimals(mean, decimals);
  return text(in_decimals(mean, decimals), " ± ", in_decimals(deviation, decimals));
}

std::vector<std::string> column_names(const json& table) {
  std::set<std::size_t> epochs, steps;
  for (const json& column : table["columns"]) {
    epochs.insert(column["epoch"].get<std::size_t>());
    steps.insert(column["steps"].get<std::size_t>());
  }
  std::vector<std::string> names;
  for (const json& column : table["columns"]) {
    const std::string epoch =
        epochs.size() > 1 ? text("epoch ", column["epoch"].get<std::size_t>()) : "";
    const std::string step = steps.size() > 1 || epochs.size() == 1
                                 ? text(column["steps"].get<std::size_t>(), " steps")
                                 : "";
    names.push_back(epoch + (epoch.empty() || step.empty() ? "" : ", ") + step);
  }
  return names;
}

std::string label_of(const json& row) {
  const auto name = [&](const char* field) { return row[field].get<std::string>(); };
  return compared_row{name("model"), name("path"), name("sampler")}.label();
}

std::string results_text(const json& results) {
  std::string lines;
  for (const json& table : results["tables"]) {
    const std::size_t numbers = table["rows"][0]["numbers"].size();
    for (std::size_t n = 0; n < numbers; ++n) {
      const json& first = table["rows"][0]["numbers"][n];
      lines += text(printable(table["title"].get<std::string>()), ": ",
                    first["number"].get<std::string>(), " (",
                    first["lower_is_better"].get<bool>() ? "lower" : "higher", " is better)\n");
      std::vector<std::vector<std::string>> cells = {{""}};
      for (const std::string& name : column_names(table)) cells[0].push_back(name);
      for (const json& row : table["rows"]) {
        cells.push_back({"  " + label_of(row)});
        for (const json& cell : row["numbers"][n]["cells"]) cells.back().push_back(cell_text(cell));
      }
      lines += aligned(cells) + "\n";
    }
  }
  return lines;
}

}  // namespace lift::cli
