// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine.hpp"
#include "resuming.hpp"

namespace lift::cli {

/// The cells of a heatmap that are measured, in a file beside it until it is whole: a line of JSON
/// that says how they are measured, and one for each cell.
class measured_cells {
 public:
  using blocks = any_heatmap_cells::blocks;
  using cell_index = std::vector<std::size_t>;

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

  /// The measurement of so many scales begins with these settings, or goes on: then it takes the
  /// cells in the file. Throws lift::error where that is damaged or of other settings.
  void begin(std::size_t scale_count, json settings) {
    scales_ = scale_count;
    settings_ = std::move(settings);
    if (resumed_) read();
  }

  const path& file() const { return file_; }
  std::size_t size() const { return cells_.size(); }
  /// How many there are to be.
  std::size_t total() const {
    std::size_t result = 1;
    for (std::size_t axis = 0; axis < scales_; ++axis) result *= points_;
    return result;
  }

  std::optional<blocks> find(std::span<const std::size_t> cell) const {
    const auto found = cells_.find(cell_index(cell.begin(), cell.end()));
    return found == cells_.end() ? std::nullopt : std::optional(found->second);
  }

  /// Those that are not measured.
  std::vector<cell_index> lacking() const {
    std::vector<cell_index> result;
    cell_index at(scales_);
    for (std::size_t number = 0; number < total(); ++number) {
      for (std::size_t axis = scales_, rest = number; axis-- > 0; rest /= points_)
        at[axis] = rest % points_;
      if (!cells_.contains(at)) result.push_back(at);
    }
    return result;
  }

  /// Appends a cell; throws lift::error where it cannot be written.
  void add(std::span<const std::size_t> cell, const blocks& measured) {
    if (!out_.is_open()) open();
    const cell_index at(cell.begin(), cell.end());
    errno = 0;
    out_ << line_of(at, measured) << std::flush;
    if (!out_) throw_errno("write", file_);
    cells_[at] = measured;
  }

  /// Removes the file.
  void finish() const {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }

  /// What is there, and how to go on, for the end of a message.
  std::string standing() const {
    if (cells_.empty()) return "";
    return text("; ", cells_.size(), " of ", total(), " cells are in ", file_.string(),
                ", --resume goes on");
  }

 private:
  static constexpr const char* format = "lift cells of an error heatmap";

  /// A process that was killed, or a full disk, may have left half a line in the end: it goes.
  void read() {
    const std::vector<std::byte> bytes = read_file(file_);
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::size_t number = 0;
    for (std::size_t first = 0, end = 0; (end = all.find('\n', first)) != all.npos;
         first = end + 1) {
      const std::string location = text(file_.string(), ": line ", ++number);
      const nlohmann::json line = parse_json(all.substr(first, end - first), location);
      if (number == 1)
        check_settings(line, location);
      else
        take_cell(line, location);
    }
    require(number > 0, text("lines of ", file_.string()), number, "at least 1");
  }

  void check_settings(const nlohmann::json& line, const std::string& location) const {
    if (!line.is_object() || line.value("format", nlohmann::json()) != format ||
        !line.contains("settings") || !line["settings"].is_object())
      throw error(text(location, ": want the settings of a heatmap that is being measured"));
    require_same_settings(line["settings"], settings_, file_);
  }

  void take_cell(const nlohmann::json& line, const std::string& location) {
    const auto require_cell = [&](bool condition) {
      if (!condition)
        throw error(text(location, ": want the cell's index on ", scales_, " axes and ",
                         2 * scales_ * scales_, " numbers"));
    };
    require_cell(line.is_array() && line.size() == scales_ + 2 * scales_ * scales_);
    cell_index at;
    for (std::size_t axis = 0; axis < scales_; ++axis) {
      require_cell(line[axis].is_number_unsigned() && line[axis].get<std::size_t>() < points_);
      at.push_back(line[axis].get<std::size_t>());
    }
    blocks cell;
    for (std::size_t k = scales_; k < line.size(); k += 2) {
      const nlohmann::json &mean = line[k], &error_of_mean = line[k + 1];
      require_cell(mean.is_number() && (error_of_mean.is_number() || error_of_mean.is_null()));
      cell.push_back({mean.get<double>(), error_of_mean.is_null()
                                              ? std::numeric_limits<double>::quiet_NaN()
                                              : error_of_mean.get<double>()});
    }
    cells_[at] = cell;
  }

  /// Writes what is known anew, whole lines only, and opens the file for more.
  void open() {
    std::string lines = json_text(json{{"format", format}, {"settings", settings_}}) + "\n";
    for (const auto& [at, cell] : cells_) lines += line_of(at, cell);
    atomic_write(file_, lines);
    out_.open(file_, std::ios::app);
  }

  static std::string line_of(const cell_index& at, const blocks& cell) {
    nlohmann::json line = at;
    for (const sample_mean& block : cell) {
      line.push_back(block.mean);
      line.push_back(block.standard_error);  // null if not finite
    }
    return json_text(line) + "\n";
  }

  path file_;
  std::size_t points_, scales_ = 2;
  bool resumed_;
  json settings_;
  std::map<cell_index, blocks> cells_;
  std::ofstream out_;
};

}  // namespace lift::cli
