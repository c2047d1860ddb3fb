// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include <lift/io/json_file.hpp>

#include "folder_lock.hpp"

namespace lift::cli {

/// What a run says of itself in a JSON file in its folder: its settings, and the names of the files
/// it wrote there or is about to. So another run can go on with it, or remove its files and no
/// others.
class folder_record {
 public:
  /// Reads the record called `name` in the folder, if there is one; `format` is its kind. Throws
  /// lift::error, naming the field, for one that is damaged, of another kind, or lists a file that
  /// is not inside the folder.
  folder_record(std::filesystem::path folder, const std::string& name, std::string format)
      : folder_(std::move(folder)), file_(folder_ / name), format_(std::move(format)) {
    std::error_code unknown;
    found_ = std::filesystem::exists(std::filesystem::symlink_status(file_, unknown));
    if (!found_) return;
    const json_fields fields(file_, format_);
    settings = fields.object("settings");
    for (const std::string& listed : fields.strings("files")) {
      if (!is_inside(listed) || listed == name || listed == folder_lock::name)
        fields.fail("files", "names of files inside the folder");
      files_.insert(listed);
    }
  }

  nlohmann::json settings = nlohmann::json::object();

  const std::filesystem::path& file() const { return file_; }
  /// Whether the folder had a record.
  bool found() const { return found_; }
  const std::set<std::string>& files() const { return files_; }

  /// Lists a file, such as "samples/step_7.png"; write() must follow before the file is made.
  void add(const std::string& name) {
    require(is_inside(name), "file of a record", name, "a name inside the folder");
    files_.insert(name);
  }

  void write() const {
    write_json(file_, {{"format", format_}, {"settings", settings}, {"files", files_}});
  }

  /// Whether what has this name is a file that remove() would take away, and no link.
  bool removes(const std::string& name) const {
    namespace fs = std::filesystem;
    std::error_code unknown;
    return has_real_folders(name) &&
           fs::is_regular_file(fs::symlink_status(folder_ / name, unknown));
  }

  /// Removes a listed file, and the folders within this one that it leaves empty; write() may
  /// follow. What took its place, as a link or a folder, stays. Throws lift::error where a file
  /// cannot be removed.
  void remove(const std::string& name) {
    namespace fs = std::filesystem;
    if (files_.erase(name) == 0 || !removes(name)) return;
    const fs::path file = folder_ / name;
    std::error_code failure;
    if (!fs::remove(file, failure) && failure)
      throw error(text("cannot remove ", file.string(), ": ", failure.message()));
    for (fs::path part = fs::path(name).parent_path(); !part.empty(); part = part.parent_path())
      if (!fs::remove(folder_ / part, failure)) break;
  }

 private:
  /// Whether a name leads to a file inside the folder, links aside.
  static bool is_inside(const std::filesystem::path& name) {
    return !name.empty() && name.is_relative() && name.native().find('\0') == std::string::npos &&
           std::none_of(name.begin(), name.end(), [](const std::filesystem::path& part) {
             return part.empty() || part == "." || part == "..";
           });
  }

  bool has_real_folders(const std::string& name) const {
    namespace fs = std::filesystem;
    std::error_code unknown;
    for (fs::path part = fs::path(name).parent_path(); !part.empty(); part = part.parent_path())
      if (!fs::is_directory(fs::symlink_status(folder_ / part, unknown))) return false;
    return true;
  }

  std::filesystem::path folder_, file_;
  std::string format_;
  bool found_ = false;
  std::set<std::string> files_;
};

}  // namespace lift::cli
