// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <lift/core/error.hpp>

#include "folder_lock.hpp"

namespace lift::cli {

/// A folder that a command fills: made if it is not there, and, unless kept in the end, left as it
/// was found.
class output_folder {
 public:
  /// Throws lift::error if it cannot be made, or holds something already and `may_hold` is not set;
  /// `advice` says which flag sets it.
  output_folder(const std::filesystem::path& folder, bool may_hold,
                const char* advice = "--overwrite writes there nevertheless")
      : folder_(folder) {
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::path whole = fs::absolute(folder);
    for (fs::path part = whole; !part.empty() && !fs::exists(part, failure);
         part = part.parent_path())
      made_.push_back(part);
    failure.clear();
    if (fs::exists(whole) && !fs::is_directory(whole))
      failure = std::make_error_code(std::errc::not_a_directory);
    if (!failure) fs::create_directories(whole, failure);
    if (failure) {
      remove();
      throw error(text("cannot write to folder ", folder.string(), ": ", failure.message()));
    }
    if (!may_hold) require_empty(advice);
  }

  /// Throws lift::error if the folder holds something; a caller that locks it asks again then, as
  /// another command may have been quicker.
  void require_empty(const char* advice) const {
    const auto counts = [](const std::filesystem::directory_entry& entry) {
      return entry.path().filename() != folder_lock::name;
    };
    if (std::any_of(std::filesystem::directory_iterator(folder_), {}, counts))
      throw error(text("folder ", folder_.string(), " is not empty; ", advice));
  }
  output_folder(const output_folder&) = delete;
  output_folder& operator=(const output_folder&) = delete;
  ~output_folder() {
    if (!kept_) remove();
  }

  /// The file called `name` in this folder, to be written; if it is new, it goes unless kept.
  std::filesystem::path file(const std::string& name) {
    const std::filesystem::path result = folder_ / name;
    std::error_code unknown;
    if (!std::filesystem::exists(std::filesystem::symlink_status(result, unknown)))
      files_.push_back(result);
    return result;
  }

  /// What was written stays.
  void keep() { kept_ = true; }

 private:
  /// Folders that were made go too, where nothing else has come into them.
  void remove() const {
    std::error_code ignored;
    for (const auto& file : files_) std::filesystem::remove(file, ignored);
    for (const auto& folder : made_) std::filesystem::remove(folder, ignored);
  }

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> made_, files_;  // folders: the innermost first
  bool kept_ = false;
};

}  // namespace lift::cli
