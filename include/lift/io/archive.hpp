// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// How far an archive may unfold before it is refused as a bomb.
struct archive_limits {
  std::uint64_t entry_bytes = std::uint64_t{256} << 20;
  std::uint64_t total_bytes = std::uint64_t{256} << 30;
  std::uint64_t ratio = 200;  ///< all entries together, to the size of the archive
};

/// A zip or tar file read entry by entry, in the file's order, never unpacked to disk. Links,
/// devices, absolute names and names with ".." are refused; every failure is a lift::error naming
/// the archive and the entry.
class archive_reader {
 public:
  explicit archive_reader(const std::filesystem::path& file, archive_limits limits = {})
      : file_(file), limits_(limits), archive_(archive_read_new()) {
    // The seekable zip reader needs the directory at the file's end: a truncated zip is refused.
    archive_read_support_format_zip_seekable(archive_.get());
    archive_read_support_format_tar(archive_.get());
    if (archive_read_open_fd(archive_.get(), file_.descriptor(), 1 << 16) != ARCHIVE_OK) {
      throw error(text("cannot read ", file.string(), ": not a whole zip or tar file"));
    }
  }

  /// Goes to the next file entry; false when there is none.
  bool next() {
    archive_entry* entry = nullptr;
    do {
      const int status = archive_read_next_header(archive_.get(), &entry);
      if (status == ARCHIVE_EOF) return false;
      // A warning says that the name does not fit the locale; it is used for messages and order
      // only.
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) fail(last_error());
      const char* name = archive_entry_pathname(entry);
      if (!name) name = archive_entry_pathname_utf8(entry);
      name_ = name ? name : "";
      check(entry);
    } while (archive_entry_filetype(entry) == AE_IFDIR);
    return true;
  }

  /// The name of the current entry.
  const std::string& name() const { return name_; }

  /// The content of the current entry; called at most once for each.
  std::vector<std::byte> read() {
    std::vector<std::byte> content;
    std::array<std::byte, 1 << 16> part;
    while (true) {
      const auto count = archive_read_data(archive_.get(), part.data(), part.size());
      if (count < 0) fail(last_error());
      if (count == 0) return content;
      content.insert(content.end(), part.begin(), part.begin() + count);
      total_ += static_cast<std::uint64_t>(count);
      if (content.size() > limits_.entry_bytes)
        fail(text("larger than ", limits_.entry_bytes, " bytes"));
      if (total_ > limits_.total_bytes)
        fail(text("all is larger than ", limits_.total_bytes, " bytes"));
      if (total_ / limits_.ratio > file_.size()) {
        fail(text("all is larger than ", limits_.ratio, " times the archive"));
      }
    }
  }

 private:
  struct closer {
    void operator()(::archive* opened) const { archive_read_free(opened); }
  };

  void check(archive_entry* entry) const {
    const auto type = archive_entry_filetype(entry);
    if ((type != AE_IFREG && type != AE_IFDIR) || archive_entry_hardlink(entry)) {
      fail("neither file nor folder");
    }
    const std::filesystem::path name(name_);
    if (name_.empty() || name.is_absolute() ||
        std::find(name.begin(), name.end(), "..") != name.end()) {
      fail("its name leaves the archive");
    }
  }

  std::string last_error() const {
    const char* reason = archive_error_string(archive_.get());
    const std::string_view line = reason ? reason : "damaged";
    return std::string(line.substr(0, line.find('\n')));  // some of its messages end with one
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw error(
        text("cannot read ", file_.path().string(), ", entry ", quote_name(name_), ": ", reason));
  }

  input_file file_;
  archive_limits limits_;
  std::unique_ptr<::archive, closer> archive_;
  std::string name_;
  std::uint64_t total_ = 0;
};

/// The names of an archive's files, in its order.
inline std::vector<std::string> list_archive(const std::filesystem::path& file) {
  std::vector<std::string> names;
  for (archive_reader archive(file); archive.next();) names.push_back(archive.name());
  return names;
}

}  // namespace lift
