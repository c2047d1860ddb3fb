// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <lift/core/digits.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/png.hpp>

#include "folder_lock.hpp"
#include "folder_record.hpp"
#include "output_folder.hpp"
#include "resuming.hpp"

namespace lift::cli {

/// Where a run of `lift generate` puts its pictures, and what it does with those of another.
struct image_places {
  path folder, grid, strip;
  bool overwrite = false, resume = false;
};

/// The pictures of a run of `lift generate`: numbered PNGs in a folder with a record of them, and
/// perhaps a grid and a strip beside. Each stays from when it is finished. Those of an earlier run
/// are written over one by one; what is left of them goes when this run is finished. Throws
/// lift::error, naming the file, where one cannot be written.
class image_run {
 public:
  static constexpr const char* record_name = "generate.json";
  static constexpr const char* advice =
      "--resume goes on with the run in it, --overwrite writes there nevertheless";
  static constexpr std::size_t strip_rows = 4;

  /// Throws lift::error where a picture could not be written, where the folder holds something and
  /// no flag says what to do, or where there is no run to go on with.
  image_run(const image_places& to, std::size_t count)
      : to_(to),
        folder_(to.folder, to.overwrite || to.resume, advice),
        lock_(to.folder),
        record_(to.folder, record_name, "lift generated images"),
        obsolete_(record_.files()),
        there_(count),
        shown_(std::min<std::size_t>(count, 64)) {
    if (!to.overwrite && !to.resume) folder_.require_empty(advice);
    if (to.resume && !record_.found())
      throw error(text("no ", record_name, " in ", to.folder.string(), ": no run to go on with"));
    for (std::size_t i = 0; i < count; ++i) {
      record_.add(name(i));
      obsolete_.erase(name(i));
    }
    if (to.overwrite) warn_of_others();
    require_use(to.grid.empty() || to.grid != to.strip, "--grid and --strip are one file");
    claim(grid_, "--grid", to.grid);
    claim(strip_, "--strip", to.strip);
  }

  /// `settings` go into every picture and, with `more`, into the record. A run that goes on must
  /// have begun with the same ones, and takes the pictures that are finished.
  void begin(const json& settings, const json& more) {
    settings_ = json_text(settings);
    json all = settings;
    all.update(more);
    if (to_.resume) {
      require_same_settings(record_.settings, all, record_.file());
      recorded_ = true;
      for (std::size_t i = 0; i < there_.size(); ++i) {
        interruption::check();
        if (auto picture = finished(file(i), texts(i))) take(i, std::move(*picture));
      }
      if (strip_ && finished(to_.strip, strip_texts())) strip_.reset();
    }
    record_.settings = all;
  }

  bool lacks(std::size_t i) const { return !there_[i]; }
  bool lacks_strip() const { return strip_.has_value(); }

  void add(std::size_t i, image picture) {
    if (!recorded_) record();
    recorded_ = true;
    write_png(file(i), picture, texts(i));
    take(i, std::move(picture));
  }
  void add_strip(const image& picture) {
    write_png(std::move(*strip_), picture, strip_texts());
    strip_.reset();
  }

  /// Writes the grid, and removes what is left of an earlier run.
  void finish() {
    if (grid_)
      write_png(std::move(*grid_), image_grid(shown_), texts(text("0-", shown_.size() - 1)));
    for (const std::string& file : obsolete_) record_.remove(file);
    record_.write();
  }

  /// What is there, and how to go on, for the end of a message.
  std::string standing() const {
    if (!recorded_) return "";
    return text("; ", std::count(there_.begin(), there_.end(), true), " of ", there_.size(),
                " images are in ", to_.folder.string(), ", --resume goes on");
  }

 private:
  static std::string name(std::size_t i) { return decimal(i, 5) + ".png"; }

  path file(std::size_t i) const { return to_.folder / name(i); }

  image_text texts(std::size_t i) const { return texts(std::to_string(i)); }
  image_text texts(const std::string& images) const {
    return {{"Software", "lift " LIFT_VERSION}, {"Settings", settings_}, {"Image", images}};
  }
  image_text strip_texts() const {
    return texts(text("0-", std::min<std::size_t>(there_.size(), strip_rows) - 1));
  }

  /// The picture in a file, if it is whole and one of this run.
  static std::optional<image> finished(const path& file, const image_text& texts) {
    try {
      image_text found;
      image picture = decode_png(read_file(file), file.string(), &found);
      if (found == texts) return picture;
    } catch (const error&) {
    }
    return std::nullopt;
  }

  /// From here on the folder is this run's. Pictures of an earlier one that would pass for this
  /// one's go, because their last bits may be those of another batch size.
  void record() const {
    record_.write();
    if (!to_.overwrite) return;
    std::error_code ignored;
    for (std::size_t i = 0; i < there_.size(); ++i)
      if (finished(file(i), texts(i))) std::filesystem::remove(file(i), ignored);
    if (finished(to_.strip, strip_texts())) std::filesystem::remove(to_.strip, ignored);
  }

  void take(std::size_t i, image picture) {
    there_[i] = true;
    if (i < shown_.size()) shown_[i] = std::move(picture);
  }

  void claim(std::optional<output_file>& claimed, const char* flag, const path& file) const {
    if (file.empty()) return;
    std::error_code unknown;
    const bool inside = std::filesystem::equivalent(std::filesystem::absolute(file).parent_path(),
                                                    to_.folder, unknown);
    const std::string name = file.filename().string();
    require_use(!inside || (!record_.files().contains(name) && name != record_name &&
                            name != folder_lock::name),
                text(flag, " ", file.string(), " is a file of the run itself"));
    claimed.emplace(file);
  }

  /// Pictures that stay would count as this run's where the folder is read as a data set.
  void warn_of_others() const {
    std::vector<std::string> others;
    std::error_code unknown;
    for (const auto& entry : std::filesystem::directory_iterator(to_.folder))
      if (const path& file = entry.path(); file.extension() == ".png" &&
                                           !record_.files().contains(file.filename().string()) &&
                                           !std::filesystem::equivalent(file, to_.grid, unknown) &&
                                           !std::filesystem::equivalent(file, to_.strip, unknown))
        others.push_back(file.filename().string());
    if (others.empty()) return;
    warn("PNGs in ", to_.folder.string(), " that no ", record_name, " lists: ", others.size(),
         ", such as ", *std::min_element(others.begin(), others.end()), "; they stay");
  }

  image_places to_;
  output_folder folder_;
  folder_lock lock_;
  folder_record record_;
  std::set<std::string> obsolete_;  // files of an earlier run that this one does not write
  std::vector<bool> there_;
  std::vector<image> shown_;
  std::optional<output_file> grid_, strip_;
  std::string settings_;
  bool recorded_ = false;
};

}  // namespace lift::cli
