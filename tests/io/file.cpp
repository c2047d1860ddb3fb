// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include <io/file_size_limit.hpp>
#include <io/hostile.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/file.hpp>

BOOST_AUTO_TEST_SUITE(file_tests)

namespace {

std::string content(const std::filesystem::path& file) {
  const auto bytes = lift::read_file(file);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back_and_nothing_else_is_left) {
  const scratch_folder folder;
  for (const std::string_view text : {"", "first", "second, longer", "3rd"}) {
    for (const auto wanted : {lift::durability::flushed, lift::durability::cached}) {
      lift::atomic_write(folder / "file", text, wanted);
      BOOST_TEST(content(folder / "file") == text);
      BOOST_TEST(folder.files() == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(reading_names_the_file_and_the_reason) {
  const scratch_folder folder;
  check_error([&] { lift::read_file(folder / "absent"); }, "absent: No such file or directory");
  check_error([&] { lift::read_file(folder.path()); }, "not a regular file");
  BOOST_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  check_error([&] { lift::read_file(folder / "pipe"); }, "pipe: not a regular file");
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_the_old_file_and_no_other) {
  const scratch_folder folder;
  const std::string large(100'000, 'x');
  lift::atomic_write(folder / "file", std::string_view("old"));
  {
    const file_size_limit limit(50'000);
    check_error([&] { lift::atomic_write(folder / "file", large); }, "file: File too large");
    check_error([&] { lift::atomic_write(folder / "new", large); }, "new: File too large");
  }
  BOOST_TEST(content(folder / "file") == "old");
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_writer_leaves_the_old_file_and_no_other) {
  const scratch_folder folder;
  lift::atomic_write(folder / "file", std::string_view("old"));
  const auto fails = [](lift::output_file& output) {
    output.write("half");
    throw lift::error("the writer gave up");
  };
  check_error([&] { lift::atomic_write(folder / "file", fails); }, "the writer gave up");
  BOOST_TEST(content(folder / "file") == "old");
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(places_that_cannot_be_written_are_refused) {
  const scratch_folder folder;
  lift::atomic_write(folder / "file", std::string_view("old"));
  const auto write = [](const std::filesystem::path& file) {
    return [file] { lift::atomic_write(file, std::string_view("new")); };
  };
  check_error(write(folder / "file/below"), "Not a directory");
  check_error(write(folder / "absent/below"), "No such file or directory");
  check_error(write(folder.path()), "not a regular file");
  check_error(write("/dev/null"), "/dev/null: not a regular file");
  BOOST_TEST(std::filesystem::is_character_file("/dev/null"));
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(a_file_is_claimed_first_and_written_later_by_whom_it_is_passed_to) {
  const scratch_folder folder;
  lift::output_file claimed(folder / "file");
  lift::output_file passed_on(std::move(claimed));
  check_error([&] { lift::output_file second(folder / "file"); }, "another process is writing it");
  lift::atomic_write(std::move(passed_on), std::string_view("whole"));
  BOOST_TEST(content(folder / "file") == "whole");
  { const lift::output_file unused(folder / "file"); }
  BOOST_TEST(content(folder / "file") == "whole");
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(a_second_writer_is_refused_and_a_stale_temporary_is_reused) {
  const scratch_folder folder;
  {
    lift::output_file first(folder / "file");
    check_error([&] { lift::output_file second(folder / "file"); },
                "another process is writing it");
    first.write("whole");
    first.commit(lift::durability::cached);
  }
  BOOST_TEST(content(folder / "file") == "whole");

  lift::atomic_write(folder / "file.tmp", std::string_view("left by a killed process, and longer"));
  lift::atomic_write(folder / "file", std::string_view("new"));
  BOOST_TEST(content(folder / "file") == "new");
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
