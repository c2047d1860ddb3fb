// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive
#include <boost/test/unit_test.hpp>

#include <map>
#include <span>
#include <string>
#include <vector>

#include <io/file_size_limit.hpp>
#include <io/hostile.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/archive.hpp>
#include <lift/io/zip_writer.hpp>

namespace {

using entries = std::vector<std::pair<std::string, std::string>>;

void write_zip(const std::filesystem::path& file, const entries& content) {
  lift::atomic_write(
      file,
      [&](lift::output_file& output) {
        lift::zip_writer zip(output);
        for (const auto& [name, text] : content) zip.add(name, std::as_bytes(std::span(text)));
        zip.finish();
      },
      lift::durability::cached);
}

entries read_all(const std::filesystem::path& file, lift::archive_limits limits = {}) {
  entries result;
  for (lift::archive_reader archive(file, limits); archive.next();) {
    const auto bytes = archive.read();
    result.emplace_back(archive.name(),
                        std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  return result;
}

/// Writes one entry in another format than our own writer's: a tar, or a zip that is compressed.
template <class Format, class Adjust>
void write_foreign(const std::filesystem::path& file, Format set_format, const std::string& name,
                   const std::string& content, Adjust adjust) {
  archive* to = archive_write_new();
  set_format(to);
  BOOST_REQUIRE(archive_write_open_filename(to, file.c_str()) == ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, name.c_str());
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_size(entry, static_cast<std::int64_t>(content.size()));
  adjust(entry);
  BOOST_REQUIRE(archive_write_header(to, entry) == ARCHIVE_OK);
  archive_write_data(to, content.data(), content.size());
  archive_entry_free(entry);
  archive_write_free(to);
}

constexpr auto unadjusted = [](archive_entry*) {};

const entries example = {
    {"b/two.txt", "22"}, {"a.txt", std::string(3000, 'a')}, {"none", ""}, {"zürich", "z"}};

}  // namespace

BOOST_AUTO_TEST_CASE(zip_survives_a_round_trip_and_equal_entries_give_equal_bytes) {
  const scratch_folder folder;
  write_zip(folder / "a.zip", example);
  write_zip(folder / "b.zip", example);
  BOOST_CHECK(read_all(folder / "a.zip") == example);
  BOOST_TEST(lift::list_archive(folder / "a.zip") ==
             (std::vector<std::string>{"b/two.txt", "a.txt", "none", "zürich"}));
  BOOST_CHECK(lift::read_file(folder / "a.zip") == lift::read_file(folder / "b.zip"));
}

BOOST_AUTO_TEST_CASE(tar_and_compressed_zip_are_read) {
  const scratch_folder folder;
  write_foreign(folder / "a.tar", archive_write_set_format_pax_restricted, "name", "content",
                unadjusted);
  BOOST_CHECK(read_all(folder / "a.tar") == (entries{{"name", "content"}}));
  write_foreign(folder / "a.zip", archive_write_set_format_zip, "name", "contentcontentcontent",
                unadjusted);
  BOOST_CHECK(read_all(folder / "a.zip") == (entries{{"name", "contentcontentcontent"}}));
}

BOOST_AUTO_TEST_CASE(what_could_leave_the_archive_is_refused) {
  const scratch_folder folder;
  const auto check_refused = [&](const std::string& name, auto adjust, const std::string& why) {
    write_foreign(folder / "a.tar", archive_write_set_format_pax_restricted, name, "x", adjust);
    check_error([&] { read_all(folder / "a.tar"); }, why);
  };
  check_refused("../up", unadjusted, "entry '../up': its name leaves the archive");
  check_refused("a/../../up", unadjusted, "its name leaves the archive");
  check_refused("/etc/passwd", unadjusted, "its name leaves the archive");
  check_refused(
      "link", [](archive_entry* entry) { archive_entry_set_hardlink(entry, "other"); },
      "neither file nor folder");
  check_refused(
      "link",
      [](archive_entry* entry) {
        archive_entry_set_filetype(entry, AE_IFLNK);
        archive_entry_set_symlink(entry, "/etc/passwd");
      },
      "neither file nor folder");
  check_refused(
      "device", [](archive_entry* entry) { archive_entry_set_filetype(entry, AE_IFCHR); },
      "neither file nor folder");
}

BOOST_AUTO_TEST_CASE(bombs_are_refused) {
  const scratch_folder folder;
  write_foreign(folder / "bomb.zip", archive_write_set_format_zip, "zeros",
                std::string(10'000'000, '\0'), unadjusted);
  check_error([&] { read_all(folder / "bomb.zip"); },
              "entry 'zeros': all is larger than 200 times the archive");
  write_zip(folder / "a.zip", example);
  check_error([&] { read_all(folder / "a.zip", {.entry_bytes = 2999}); },
              "entry 'a.txt': larger than 2999 bytes");
  check_error([&] { read_all(folder / "a.zip", {.total_bytes = 3001}); },
              "entry 'a.txt': all is larger than 3001 bytes");
  BOOST_CHECK(read_all(folder / "a.zip", {.entry_bytes = 3000, .total_bytes = 3003}) == example);
}

BOOST_AUTO_TEST_CASE(files_that_are_no_archive_are_refused) {
  const scratch_folder folder;
  check_error([&] { read_all(folder / "absent.zip"); }, "absent.zip: No such file or directory");
  check_error([&] { read_all(folder.path()); }, "not a regular file");
  lift::atomic_write(folder / "text.zip", std::string_view("no archive"));
  check_error([&] { read_all(folder / "text.zip"); }, "text.zip: not a whole zip or tar file");
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_zip_is_refused) {
  const scratch_folder folder;
  write_zip(folder / "whole.zip", {{"a", "some content"}, {"b", "more content"}});
  const auto bytes = lift::read_file(folder / "whole.zip");
  const auto refused = count_refused_truncations(bytes, [&](std::span<const std::byte> part) {
    lift::atomic_write(folder / "part.zip", part, lift::durability::cached);
    read_all(folder / "part.zip");
  });
  BOOST_TEST(refused == bytes.size());
}

BOOST_AUTO_TEST_CASE(every_changed_byte_of_a_zip_is_read_or_refused) {
  const scratch_folder folder;
  write_zip(folder / "whole.zip", {{"a", "some content"}, {"b", "more content"}});
  const auto bytes = lift::read_file(folder / "whole.zip");
  const auto refused = count_refused_changes(bytes, [&](std::span<const std::byte> changed) {
    lift::atomic_write(folder / "changed.zip", changed, lift::durability::cached);
    read_all(folder / "changed.zip");
  });
  BOOST_TEST(refused > 24u);  // at least the 24 bytes of content, by their checksum
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_no_zip) {
  const scratch_folder folder;
  {
    const file_size_limit limit(50'000);
    check_error(
        [&] {
          write_zip(folder / "a.zip", {{"large", std::string(100'000, 'x')}});
        },
        "a.zip: File too large");
  }
  BOOST_TEST(folder.files() == 0u);
}
