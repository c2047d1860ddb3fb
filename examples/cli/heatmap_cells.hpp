// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>

#include "resuming.hpp"

namespace lift::cli {

/// The cells of a heatmap that are measured, in a file beside it until it is whole: a line of JSON
/// that says how they are measured, and one for each cell.
class measured_cells {
 public:
  using blocks = jacobian_blocks<sample_mean>;

  /// Those of the heatmap in `output`. Throws lift::error where the measurement is to go on and
  /// there is no file of cells, or is to begin and there is one.
  measured_cells(const path& output, std::size_t points, bool resumed)
      : file_(output.string() + ".partial"), points_(points), resumed_(resumed) {
    std::error_code unknown;
    const bool found = std::filesystem::exists(file_, unknown);
    if (resumed && !found)
      throw error(text("no ", file_.string(), ": no measurement to go on with"));
    if (found && !resumed)
      throw error(text(file_.string(),
                       " holds cells of a measurement that was interrupted; "
                       "--resume goes on with it, removing the file begins anew"));
  }

  /// The measurement begins with these settings, or goes on: then it takes the cells in the file.
  /// Throws lift::error where that is damaged or of other settings.
  void begin(json settings) {
    settings_ = std::move(settings);
    if (resumed_) read();
  }

  std::size_t size() const { return cells_.size(); }

  std::optional<blocks> find(std::size_t i, std::size_t j) const {
    const auto found = cells_.find({i, j});
    return found == cells_.end() ? std::nullopt : std::optional(found->second);
  }

  /// Appends a cell; throws lift::error where it cannot be written.
  void add(std::size_t i, std::size_t j, const blocks& cell) {
    if (!out_.is_open()) open();
    errno = 0;
    out_ << line_of(i, j, cell) << std::flush;
    if (!out_) throw_errno("write", file_);
    cells_[{i, j}] = cell;
  }

  /// Removes the file.
  void finish() const {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }

  /// What is there, and how to go on, for the end of a message.
  std::string standing() const {
    if (cells_.empty()) return "";
    return text("; ", cells_.size(), " of ", points_ * points_, " cells are in ", file_.string(),
                ", --resume goes on");
  }

 private:
  static constexpr const char* format = "lift cells of an error heatmap";
  static constexpr std::array<sample_mean blocks::*, 4> members = {
      &blocks::fine_wrt_fine, &blocks::fine_wrt_coarse, &blocks::coarse_wrt_fine,
      &blocks::coarse_wrt_coarse};

  /// A process that was killed, or a full disk, may have left half a line in the end: it goes.
  void read() {
    const std::vector<std::byte> bytes = read_file(file_);
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::size_t number = 0;
    for (std::size_t first = 0, end = 0; (end = all.find('\n', first)) != all.npos;
         first = end + 1) {
      const std::string place = text(file_.string(), ": line ", ++number);
      const nlohmann::json line = parse_json(all.substr(first, end - first), place);
      if (number == 1)
        check_settings(line, place);
      else
        take_cell(line, place);
    }
    require(number > 0, text("lines of ", file_.string()), number, "at least 1");
  }

  void check_settings(const nlohmann::json& line, const std::string& place) const {
    if (!line.is_object() || line.value("format", nlohmann::json()) != format ||
        !line.contains("settings") || !line["settings"].is_object())
      throw error(text(place, ": want the settings of a heatmap that is being measured"));
    require_same_settings(line["settings"], settings_, file_);
  }

  void take_cell(const nlohmann::json& line, const std::string& place) {
    const auto require_cell = [&](bool condition) {
      if (!condition) throw error(text(place, ": want a row, a column and eight numbers"));
    };
    require_cell(line.is_array() && line.size() == 2 + 2 * members.size());
    for (const auto& index : {line[0], line[1]})
      require_cell(index.is_number_unsigned() && index.get<std::size_t>() < points_);
    blocks cell;
    for (std::size_t k = 0; k < members.size(); ++k) {
      const nlohmann::json &mean = line[2 + 2 * k], &error_of_mean = line[3 + 2 * k];
      require_cell(mean.is_number() && (error_of_mean.is_number() || error_of_mean.is_null()));
      cell.*members[k] = {mean.get<double>(), error_of_mean.is_null()
                                                  ? std::numeric_limits<double>::quiet_NaN()
                                                  : error_of_mean.get<double>()};
    }
    cells_[{line[0].get<std::size_t>(), line[1].get<std::size_t>()}] = cell;
  }

  /// Writes what is known anew, whole lines only, and opens the file for more.
  void open() {
    std::string lines = json_text(json{{"format", format}, {"settings", settings_}}) + "\n";
    for (const auto& [place, cell] : cells_) lines += line_of(place.first, place.second, cell);
    atomic_write(file_, lines);
    out_.open(file_, std::ios::app);
  }

  static std::string line_of(std::size_t i, std::size_t j, const blocks& cell) {
    nlohmann::json line = {i, j};
    for (const auto member : members) {
      line.push_back((cell.*member).mean);
      line.push_back((cell.*member).standard_error);  // null if not finite
    }
    return json_text(line) + "\n";
  }

  path file_;
  std::size_t points_;
  bool resumed_;
  json settings_;
  std::map<std::pair<std::size_t, std::size_t>, blocks> cells_;
  std::ofstream out_;
};

}  // namespace lift::cli
