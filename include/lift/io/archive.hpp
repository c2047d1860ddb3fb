// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include <lift/core/error.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/io/file.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/utf8_locale.hpp>

namespace lift {

/// How far an archive may unfold before it is refused as a bomb.
struct archive_limits {
  std::uint64_t entry_bytes = std::uint64_t{256} << 20;
  std::uint64_t total_bytes = std::uint64_t{256} << 30;
  std::uint64_t ratio = 200;  ///< all entries together, to the size of the archive
};

/// One entry of an archive cannot be read; those after it may be.
class entry_error : public error {
 public:
  using error::error;
};

/// A zip or tar file, the latter also compressed by gzip, bzip2, xz or zstd, read entry by entry,
/// in the file's order or from one of its entries on, never unpacked to disk. Links, devices, absolute names and names with ".."
/// are refused; every failure is a lift::error naming the archive and the entry.
class archive_reader {
 public:
  explicit archive_reader(const std::filesystem::path& file, archive_limits limits = {})
      : archive_reader(input_file(file), limits) {
    // The seekable zip reader needs the directory at the file's end: a truncated zip is refused.
    archive_read_support_format_zip_seekable(archive_.get());
    archive_read_support_format_tar(archive_.get());
    // What is not built into libarchive it would give to a program to unpack.
    if (archive_zlib_version()) archive_read_support_filter_gzip(archive_.get());
    if (archive_bzlib_version()) archive_read_support_filter_bzip2(archive_.get());
    if (archive_liblzma_version()) archive_read_support_filter_xz(archive_.get());
    if (archive_libzstd_version()) archive_read_support_filter_zstd(archive_.get());
    open("not a whole zip or tar file");
  }

  /// A tar file, not compressed, read from `position` on, which is where an entry begins.
  archive_reader(input_file file, std::uint64_t position, archive_limits limits = {})
      : archive_reader(std::move(file), limits) {
    archive_read_support_format_tar(archive_.get());
    file_.seek(position);
    open(text("no entry of a tar file at ", position));
  }

  /// Goes to the next file entry; false when there is none.
  bool next() {
    // Without it libarchive has no name for an entry that the program's locale cannot spell.
    const utf8_locale names_are_utf8;
    pass_over();
    archive_entry* entry = nullptr;
    do {
      const int status = archive_read_next_header(archive_.get(), &entry);
      if (status == ARCHIVE_EOF) return false;
      // A warning is of a name that is not what the entry says it is.
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) fail<error>(last_error());
      const char* name = archive_entry_pathname(entry);
      name_ = name ? name : "";
      ++number_;
      bytes_ = static_cast<std::uint64_t>(archive_entry_size(entry));
      check(entry);
    } while (archive_entry_filetype(entry) == AE_IFDIR);
    return true;
  }

  /// The name of the current entry, in UTF-8 where the archive says how its names are encoded and
  /// as it stands where not; empty if it is not encoded as the archive says.
  const std::string& name() const { return name_; }

  /// Where the current entry begins, and how many bytes its content has, in a tar file that is not
  /// compressed; none in others.
  struct place {
    std::uint64_t position, bytes;
  };
  std::optional<place> place_in_tar() const {
    if (compressed_whole() || (archive_format(archive_.get()) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR)
      return std::nullopt;
    return place{static_cast<std::uint64_t>(archive_read_header_position(archive_.get())), bytes_};
  }

  /// The content of the current entry; called at most once for each. Throws entry_error if it is
  /// damaged, too large or has no name.
  std::vector<std::byte> read() {
    if (name_.empty()) fail<entry_error>("its name is empty or could not be converted to UTF-8");
    std::vector<std::byte> content;
    std::array<std::byte, 1 << 16> part;
    while (true) {
      stoppable::check();
      const auto count = archive_read_data(archive_.get(), part.data(), part.size());
      if (count < 0) fail<entry_error>(last_error());
      if (count == 0) return content;
      content.insert(content.end(), part.begin(), part.begin() + count);
      total_ += static_cast<std::uint64_t>(count);
      check_total(total_);
      if (content.size() > limits_.entry_bytes)
        fail<entry_error>(text("larger than ", limits_.entry_bytes, " bytes"));
    }
  }

 private:
  struct closer {
    void operator()(::archive* opened) const { archive_read_free(opened); }
  };

  archive_reader(input_file file, archive_limits limits)
      : file_(std::move(file)), limits_(limits), archive_(archive_read_new()) {}

  void open(const std::string& otherwise) {
    if (archive_read_open_fd(archive_.get(), file_.descriptor(), 1 << 16) == ARCHIVE_OK) return;
    const file_content content = content_of(file_.path());
    throw error(
        text("cannot read ", file_.path().string(), ": ", otherwise, " (",
             content.kind == file_kind::archive ? last_error() : text("it is ", content.name), ")"));
  }

  bool compressed_whole() const { return archive_filter_count(archive_.get()) > 1; }

  /// Reads what is left of the entry where libarchive would decompress it in one go.
  void pass_over() {
    if (number_ == 0 || !compressed_whole()) return;
    std::array<std::byte, 1 << 16> part;
    while (archive_read_data(archive_.get(), part.data(), part.size()) > 0) stoppable::check();
  }

  void check(archive_entry* entry) const {
    const auto type = archive_entry_filetype(entry);
    if ((type != AE_IFREG && type != AE_IFDIR) || archive_entry_hardlink(entry)) {
      fail<error>("neither file nor folder");
    }
    const std::filesystem::path name(name_);
    if (name.is_absolute() || std::find(name.begin(), name.end(), "..") != name.end()) {
      fail<error>("its name leaves the archive");
    }
    // What is passed over in a compressed tar has to be decompressed too.
    if (compressed_whole()) {
      const auto before = static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), 0));
      check_total(before + bytes_);
    }
  }

  void check_total(std::uint64_t bytes) const {
    if (bytes > limits_.total_bytes)
      fail<error>(text("all is larger than ", limits_.total_bytes, " bytes"));
    if (bytes / limits_.ratio > file_.size())
      fail<error>(text("all is larger than ", limits_.ratio, " times the archive"));
  }

  std::string last_error() const {
    const char* reason = archive_error_string(archive_.get());
    const std::string_view line = reason ? reason : "damaged";
    return std::string(line.substr(0, line.find('\n')));  // some of its messages end with one
  }

  template <class Error>
  [[noreturn]] void fail(const std::string& reason) const {
    const std::string entry = name_.empty() ? std::to_string(number_) : quote_name(name_);
    throw Error(text("cannot read ", file_.path().string(), ", entry ", entry, ": ", reason));
  }

  input_file file_;
  archive_limits limits_;
  std::unique_ptr<::archive, closer> archive_;
  std::string name_;
  std::size_t number_ = 0;   // of the current entry, from 1
  std::uint64_t bytes_ = 0;  // of its content
  std::uint64_t total_ = 0;  // bytes read so far
};

/// The names of an archive's files, in its order.
inline std::vector<std::string> list_archive(const std::filesystem::path& file) {
  std::vector<std::string> names;
  for (archive_reader archive(file); archive.next();) names.push_back(archive.name());
  return names;
}

}  // namespace lift
