// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <lift/core/error.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/io/file.hpp>

namespace lift {

/// Whether a name is not meant to be seen: one of its parts begins with a dot, or is the folder in
/// which macOS keeps what a zip cannot hold.
inline bool is_hidden(const std::filesystem::path& name) {
  return std::ranges::any_of(name, [](const std::filesystem::path& part) {
    return part == "__MACOSX" || (part.native().starts_with('.') && part != "." && part != "..");
  });
}

/// What lies in a folder and those below it.
struct folder_files {
  /// Relative to the folder, in the order of their names' bytes.
  std::vector<std::filesystem::path> files;
  struct folder {
    std::filesystem::path name;  ///< relative to the first
    std::int64_t modified;       ///< when it was last changed before it was read, nanoseconds since 1970
    std::uint64_t inode;
  };
  std::vector<folder> folders;   ///< that were read, the first itself too
  std::vector<std::string> unreadable;  ///< why each folder that could not be read was not
};

/// Lists what is not hidden in a folder and those below it. Linked folders are followed, but no
/// folder is read twice: one that lies below goes by its own name, not by that of a link. Throws
/// lift::error if the folder itself cannot be read.
inline folder_files list_folder(const std::filesystem::path& root) {
  using std::filesystem::path;
  folder_files result;
  std::set<path> folders = {path()}, links;  // still to be read, those that lie below first
  std::set<std::pair<::dev_t, ::ino_t>> seen;
  while (!folders.empty() || !links.empty()) {
    std::set<path>& from = folders.empty() ? links : folders;
    const path folder = from.extract(from.begin()).value();
    const path place = folder.empty() ? root : root / folder;
    struct ::stat status {};
    const bool known = ::stat(place.c_str(), &status) == 0;
    std::error_code failure;
    std::filesystem::directory_iterator entry(place, failure);
    if (!failure && known) {
      if (!seen.emplace(status.st_dev, status.st_ino).second) continue;
      result.folders.push_back({folder, nanoseconds(status.st_mtim), status.st_ino});
    }
    for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
      stoppable::check();
      const path name = entry->path().filename();
      if (is_hidden(name)) continue;
      std::error_code unknown;  // a dangling link is no folder
      if (!entry->is_directory(unknown))
        result.files.push_back(folder / name);
      else
        (entry->is_symlink(unknown) ? links : folders).insert(folder / name);
    }
    if (!failure) continue;
    const std::string reason = text("cannot read ", place.string(), ": ", failure.message());
    if (folder.empty()) throw error(reason);
    result.unreadable.push_back(reason);
  }
  std::ranges::sort(result.files, {}, &path::native);
  return result;
}

}  // namespace lift
