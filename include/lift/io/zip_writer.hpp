// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>

#include <archive.h>
#include <archive_entry.h>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>
#include <lift/io/utf8_locale.hpp>

namespace lift {

/// Writes a zip whose entries are stored uncompressed and undated, their names being UTF-8: equal
/// entries, equal bytes.
class zip_writer {
 public:
  /// Appends to `file`, which outlives this object; the zip is whole after finish().
  explicit zip_writer(output_file& file) : file_(file), archive_(archive_write_new()) {
    check(archive_write_set_format_zip(archive_.get()));
    check(archive_write_zip_set_compression_store(archive_.get()));
    check(archive_write_set_bytes_in_last_block(archive_.get(), 1));  // no padding
    check(archive_write_open(archive_.get(), this, nullptr, write_part, nullptr));
  }
  zip_writer(const zip_writer&) = delete;
  zip_writer& operator=(const zip_writer&) = delete;

  void add(const std::string& name, std::span<const std::byte> content) {
    const std::unique_ptr<archive_entry, entry_closer> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<std::int64_t>(content.size()));
    {
      const utf8_locale names_are_utf8;  // and are marked so, whatever the program's locale is
      check(archive_write_header(archive_.get(), entry.get()));
    }
    const auto written = archive_write_data(archive_.get(), content.data(), content.size());
    check(written < 0 ? ARCHIVE_FATAL : ARCHIVE_OK);
  }

  void finish() { check(archive_write_close(archive_.get())); }

 private:
  struct closer {
    void operator()(::archive* opened) const { archive_write_free(opened); }
  };
  struct entry_closer {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
  };

  // A failure waits in failure_: no exception may cross libarchive, and libarchive leaks memory
  // when it is told of one.
  static la_ssize_t write_part(::archive*, void* writer, const void* data, std::size_t count) {
    auto& zip = *static_cast<zip_writer*>(writer);
    try {
      if (!zip.failure_) zip.file_.write({static_cast<const std::byte*>(data), count});
    } catch (...) {
      zip.failure_ = std::current_exception();
    }
    return static_cast<la_ssize_t>(count);
  }

  void check(int status) const {
    if (failure_) std::rethrow_exception(failure_);
    if (status == ARCHIVE_OK) return;
    const char* reason = archive_error_string(archive_.get());
    throw error(text("cannot write ", file_.path().string(), ": ", reason ? reason : "zip failed"));
  }

  output_file& file_;
  std::exception_ptr failure_;
  std::unique_ptr<::archive, closer> archive_;  // last: freeing it may write
};

}  // namespace lift
