// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <boost/test/unit_test.hpp>

#include <lift/io/file.hpp>
#include <lift/io/zip_writer.hpp>

/// Names and contents of an archive's files.
using entries = std::vector<std::pair<std::string, std::string>>;

inline void write_zip(const std::filesystem::path& file, const entries& content) {
  lift::atomic_write(
      file,
      [&](lift::output_file& output) {
        lift::zip_writer zip(output);
        for (const auto& [name, text] : content) zip.add(name, std::as_bytes(std::span(text)));
        zip.finish();
      },
      lift::durability::cached);
}

inline constexpr auto unadjusted = [](archive_entry*) {};

/// Writes another format than our own writer's: a tar, or a zip that is compressed.
template <class Format, class Adjust = decltype(unadjusted)>
void write_foreign(const std::filesystem::path& file, Format set_format, const entries& content,
                   Adjust adjust = unadjusted) {
  std::filesystem::create_directories(file.parent_path());
  archive* to = archive_write_new();
  set_format(to);
  BOOST_REQUIRE(archive_write_open_filename(to, file.c_str()) == ARCHIVE_OK);
  for (const auto& [name, text] : content) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, static_cast<std::int64_t>(text.size()));
    adjust(entry);
    BOOST_REQUIRE(archive_write_header(to, entry) == ARCHIVE_OK);
    archive_write_data(to, text.data(), text.size());
    archive_entry_free(entry);
  }
  archive_write_free(to);
}

/// Writes a tar file that is not compressed.
inline void write_tar(const std::filesystem::path& file, const entries& content) {
  write_foreign(file, [](archive* to) { archive_write_set_format_pax_restricted(to); }, content);
}
