// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <clocale>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <io/file_size_limit.hpp>
#include <io/hostile.hpp>
#include <io/made_archives.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/archive.hpp>
#include <lift/io/zip_writer.hpp>

BOOST_AUTO_TEST_SUITE(archive_tests)

namespace {

entries read_all(const std::filesystem::path& file, lift::archive_limits limits = {}) {
  entries result;
  for (lift::archive_reader archive(file, limits); archive.next();) {
    const auto bytes = archive.read();
    result.emplace_back(archive.name(),
                        std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  return result;
}

/// A tar compressed by what `add_filter` adds.
void write_compressed_tar(const std::filesystem::path& file, int (*add_filter)(archive*),
                          const entries& content) {
  const auto format = [&](archive* to) {
    archive_write_set_format_pax_restricted(to);
    add_filter(to);
  };
  write_foreign(file, format, content);
}

constexpr std::pair<const char*, int (*)(archive*)> compressions[] = {
    {"a.tar.gz", archive_write_add_filter_gzip},
    {"a.tar.bz2", archive_write_add_filter_bzip2},
    {"a.tar.xz", archive_write_add_filter_xz},
    {"a.tar.zst", archive_write_add_filter_zstd}};

/// A zip of one empty file, made byte by byte: its name, its flags (0x800: the name is UTF-8) and
/// its extra fields.
void write_raw_zip(const std::filesystem::path& file, const std::string& name, unsigned flags,
                   const std::string& extra = "") {
  const auto number = [](std::size_t value, int bytes) {
    std::string result;
    for (int i = 0; i < bytes; ++i, value >>= 8) result += static_cast<char>(value);
    return result;
  };
  const std::string common = number(20, 2) + number(flags, 2) + number(0, 18) +
                             number(name.size(), 2) + number(extra.size(), 2);
  const std::string local = "PK\x03\x04" + common + name + extra;
  const std::string directory = "PK\x01\x02" + number(20 | 3 << 8, 2) + common + number(0, 6) +
                                number(0100644u << 16, 4) + number(0, 4) + name + extra;
  lift::atomic_write(file,
                     std::string_view(local + directory + "PK\x05\x06" + number(0, 4) +
                                      number(1, 2) + number(1, 2) + number(directory.size(), 4) +
                                      number(local.size(), 4) + number(0, 2)),
                     lift::durability::cached);
}

/// Sets the program's locale while it lives.
class program_locale {
 public:
  explicit program_locale(const char* name) : before_(std::setlocale(LC_ALL, nullptr)) {
    BOOST_REQUIRE(std::setlocale(LC_ALL, name) != nullptr);
  }
  ~program_locale() { std::setlocale(LC_ALL, before_.c_str()); }

 private:
  std::string before_;
};

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
  write_foreign(folder / "a.tar", archive_write_set_format_pax_restricted, {{"name", "content"}});
  BOOST_CHECK(read_all(folder / "a.tar") == (entries{{"name", "content"}}));
  write_foreign(folder / "a.zip", archive_write_set_format_zip,
                {{"name", "contentcontentcontent"}});
  BOOST_CHECK(read_all(folder / "a.zip") == (entries{{"name", "contentcontentcontent"}}));
  BOOST_TEST((lift::holds_images(folder / "a.tar") && lift::holds_images(folder / "a.zip")));
  BOOST_TEST((!lift::holds_images(folder.path()) && !lift::holds_images(folder / "absent")));
}

BOOST_AUTO_TEST_CASE(compressed_tars_are_read_and_their_truncations_refused) {
  const scratch_folder folder;
  const entries content = {{"a", std::string(3000, 'a')}, {"sub/b", "b"}};
  for (const auto& [name, filter] : compressions) {
    write_compressed_tar(folder / name, filter, content);
    BOOST_CHECK(read_all(folder / name) == content);
    BOOST_TEST(lift::holds_images(folder / name));
    const auto bytes = lift::read_file(folder / name);
    // Of the second half, what is not needed for the last entry may be missing.
    const auto refused = count_refused_truncations(
        std::span(bytes).first(bytes.size() / 2), [&](std::span<const std::byte> part) {
          lift::atomic_write(folder / "part", part, lift::durability::cached);
          read_all(folder / "part");
        });
    BOOST_TEST(refused == bytes.size() / 2, name);
  }
  lift::atomic_write(folder / "cut.tgz", std::string_view("\x1f\x8b\x08 and so on"));
  check_error([&] { read_all(folder / "cut.tgz"); }, "cut.tgz: not a whole zip or tar file (");
}

BOOST_AUTO_TEST_CASE(names_are_right_whatever_the_locale) {
  const scratch_folder folder;
  const auto name_in = [&](const std::string& file) { return lift::list_archive(folder / file); };
  using names = std::vector<std::string>;
  const ::locale_t threads = ::newlocale(LC_ALL_MASK, "C", nullptr);
  std::vector<std::byte> written;
  for (const char* locale : {"C", "C.UTF-8"}) {
    const program_locale set(locale);
    const ::locale_t before = ::uselocale(locale[1] ? LC_GLOBAL_LOCALE : threads);
    for (const std::string name : {"Übersicht.png", "日本/図.png"}) {
      write_raw_zip(folder / "utf8.zip", name, 0x800);
      BOOST_TEST(name_in("utf8.zip") == names{name});
      write_raw_zip(folder / "bytes.zip", name, 0);
      BOOST_TEST(name_in("bytes.zip") == names{name});
      for (const auto format : {archive_write_set_format_ustar, archive_write_set_format_gnutar}) {
        write_foreign(folder / "bytes.tar", format, {{name, "x"}});
        BOOST_TEST(name_in("bytes.tar") == names{name});
      }
      {
        const lift::utf8_locale for_the_writer;
        write_foreign(folder / "pax.tar", archive_write_set_format_pax, {{name, "x"}});
      }
      BOOST_TEST(name_in("pax.tar") == names{name});
    }
    const std::string latin =
        "\xdc"
        "bersicht.png";
    write_raw_zip(folder / "latin.zip", latin, 0);
    BOOST_TEST(name_in("latin.zip") == names{latin});
    write_foreign(folder / "latin.tar", archive_write_set_format_ustar, {{latin, "x"}});
    BOOST_TEST(name_in("latin.tar") == names{latin});
    // Info-ZIP's Unicode path: version, checksum of the plain name, the name.
    write_raw_zip(folder / "extra.zip", "U_b.png", 0,
                  std::string("\x75\x70\x0c\0\x01\xee\x85\x1f\xce", 9) + "Üb.png");
    BOOST_TEST(name_in("extra.zip") == names{"Üb.png"});
    // Our own zips mark their names as UTF-8, and are the same bytes.
    write_zip(folder / "own.zip", example);
    const auto bytes = lift::read_file(folder / "own.zip");
    BOOST_CHECK(written.empty() || bytes == written);
    written = bytes;
    BOOST_TEST(std::setlocale(LC_ALL, nullptr) == std::string(locale));
    BOOST_CHECK(::uselocale(before) == (locale[1] ? LC_GLOBAL_LOCALE : threads));
  }
  ::freelocale(threads);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_not_what_it_is_said_to_be_does_not_leave_the_archive) {
  const scratch_folder folder;
  write_raw_zip(folder / "a.zip", "\xff\xfe.png", 0x800);
  BOOST_TEST(lift::list_archive(folder / "a.zip") == std::vector<std::string>{""});
  check_error([&] { read_all(folder / "a.zip"); },
              "a.zip, entry 1: its name is empty or could not be converted to UTF-8");
}

BOOST_AUTO_TEST_CASE(a_damaged_entry_of_a_zip_does_not_end_it) {
  const scratch_folder folder;
  std::string noise;  // so that deflate keeps most of its bytes
  for (std::uint32_t i = 1; noise.size() < 4000;) {
    i = i * 1664525 + 1013904223;
    noise += static_cast<char>(i >> 28);
  }
  const entries content = {{"a", noise}, {"b", noise}, {"c", noise}};
  for (const bool deflated : {false, true}) {
    if (deflated)
      write_foreign(folder / "a.zip", archive_write_set_format_zip, content);
    else
      write_zip(folder / "a.zip", content);
    auto bytes = lift::read_file(folder / "a.zip");
    for (std::size_t i = 0; i < 100; ++i) bytes[bytes.size() / 2 - i] = std::byte{0xa5};
    lift::atomic_write(folder / "a.zip", bytes, lift::durability::cached);
    lift::archive_reader archive(folder / "a.zip");
    BOOST_TEST((archive.next() && archive.read().size() == noise.size()));
    BOOST_TEST(archive.next());
    BOOST_CHECK_THROW(archive.read(), lift::entry_error);
    BOOST_TEST((archive.next() && archive.read().size() == noise.size()));
    BOOST_TEST(!archive.next());
  }
}

BOOST_AUTO_TEST_CASE(what_could_leave_the_archive_is_refused) {
  const scratch_folder folder;
  const auto check_refused = [&](const std::string& name, auto adjust, const std::string& why) {
    write_foreign(folder / "a.tar", archive_write_set_format_pax_restricted, {{name, "x"}}, adjust);
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
  const entries zeros = {{"small", "s"}, {"zeros", std::string(10'000'000, '\0')}};
  write_foreign(folder / "bomb.zip", archive_write_set_format_zip, zeros);
  check_error([&] { read_all(folder / "bomb.zip"); },
              "entry 'zeros': all is larger than 200 times the archive");
  // To pass over an entry of a compressed tar takes as long as to read it.
  for (const auto& [name, filter] : compressions) {
    write_compressed_tar(folder / name, filter, zeros);
    check_error([file = folder / name] { lift::list_archive(file); },
                "entry 'zeros': all is larger than 200 times the archive");
  }
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
  check_error([&] { read_all(folder / "text.zip"); },
              "text.zip: not a whole zip or tar file (it is ");
  lift::atomic_write(folder / "empty.zip", std::string_view());
  check_error([&] { read_all(folder / "empty.zip"); }, "empty.zip: not a whole zip or tar file (");
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

BOOST_AUTO_TEST_SUITE_END()
