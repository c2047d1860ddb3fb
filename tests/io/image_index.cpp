// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <io/hostile.hpp>
#include <io/made_archives.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/dataset.hpp>
#include <lift/io/image_index_file.hpp>

BOOST_AUTO_TEST_SUITE(image_index_tests)

namespace {

namespace fs = std::filesystem;

/// The bytes of a PNG of one level.
std::string png(std::size_t level) {
  const auto bytes = lift::encode_png(lift::blank_image(8, 8, 3, static_cast<std::uint8_t>(level)));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write(const fs::path& file, const std::string& content) {
  fs::create_directories(file.parent_path());
  lift::atomic_write(file, std::string_view(content), lift::durability::cached);
}

/// As if all had lain there for an hour.
void let_rest(const fs::path& folder) {
  const auto before = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(folder, before);
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_symlink()) fs::last_write_time(entry, before);
}

/// Images in folders and in two shards, one of which has names that are longer than tar's own.
void write_tree(const fs::path& tree) {
  write(tree / "b/2.png", png(20));
  write(tree / "a/1.png", png(10));
  write(tree / "a/notes.txt", "none");
  write(tree / ".hidden/3.png", png(30));
  write_tar(tree / "shards/00.tar", {{"x/7.png", png(70)}, {"./x/6.png", png(60)}, {"x/6.json", "{}"}});
  const std::string longest(180, 'n');
  write_tar(tree / "shards/01.tar", {{longest + ".png", png(80)}, {"y/9.png", png(90)}});
  let_rest(tree);
}

fs::path indexed(const scratch_folder& folder, const fs::path& source) {
  const fs::path file = folder / "images.index";
  lift::save_image_index(file, lift::index_images(source));
  return file;
}

using strings = std::vector<std::string>;

/// "name level class" of every image.
strings shown(const lift::image_dataset& data) {
  strings result;
  for (std::size_t i = 0; i < data.size(); ++i)
    data.with_pixels(i, [&](std::span<const std::uint8_t> levels) {
      const auto label = data.label(i);
      result.push_back(lift::text(data.name(i), ' ', int{levels[0]}, ' ', label ? data.classes().at(*label) : "-"));
    });
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_images_of_an_index_are_those_that_are_read_at_the_start) {
  const scratch_folder folder;
  write_tree(folder / "tree");
  const fs::path file = indexed(folder, folder / "tree");
  BOOST_TEST((lift::content_of(file).kind == lift::file_kind::image_index));
  for (const auto& [source, from] : {std::pair{folder / "tree", file}, {folder / "tree/shards/00.tar", folder / "00.index"}}) {
    if (from != file) lift::save_image_index(from, lift::index_images(source));
    const lift::image_dataset read(source, {.size = 8}), listed(from, {.size = 8});
    BOOST_TEST(listed.index_was_stale() == "");
    BOOST_TEST(shown(read) == shown(listed), boost::test_tools::per_element());
    BOOST_TEST(read.passed_over() == listed.passed_over());
    BOOST_TEST(listed.pixels(0).empty());
    std::vector<std::size_t> all(read.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    listed.expect(all);
    BOOST_TEST(shown(read) == shown(listed), boost::test_tools::per_element());
  }
  const lift::image_dataset data(file, {.size = 8});
  BOOST_TEST(data.size() == 6u);
  BOOST_TEST(data.name(2) == "shards/00.tar/x/6.png");
  BOOST_TEST(data.classes() == (strings{"a", "b", "x", "y"}));
}

BOOST_AUTO_TEST_CASE(files_of_classes_in_a_shard_tell_the_classes) {
  const scratch_folder folder;
  fs::create_directories(folder / "tree");
  write_tar(folder / "tree/0.tar",
            {{"a/1.cls", "7\n"}, {"a/1.png", png(10)}, {"a/2.png", png(20)}, {"a/2.cls", "12"}, {"a/3.png", png(30)}});
  write_tar(folder / "tree/1.tar", {{"a/1.jpg.png", png(40)}, {"a/1.cls", " \x1b[31m "}});
  let_rest(folder / "tree");
  const strings want = {"0.tar/a/1.png 10 7", "0.tar/a/2.png 20 12", "0.tar/a/3.png 30 -",
                        "1.tar/a/1.jpg.png 40 \\x1b[31m"};
  for (const fs::path& source : {folder / "tree", indexed(folder, folder / "tree")}) {
    const lift::image_dataset data(source, {.size = 8});
    BOOST_TEST(shown(data) == want, boost::test_tools::per_element());
    check_error([&] { data.require_labels(); }, "class of '0.tar/a/3.png'");
  }
  write_tar(folder / "tree/1.tar", {{"1.png", png(40)}, {"1.cls", std::string(1000, 'c')}});
  check_error([&] { lift::image_dataset(folder / "tree"); }, "bytes of the class '1.cls': got 1000, want at most 256");
  check_error([&] { lift::index_images(folder / "tree"); }, "bytes of the class '1.cls': got 1000, want at most 256");
}

BOOST_AUTO_TEST_CASE(an_index_is_made_anew_when_it_is_stale) {
  const scratch_folder folder;
  write_tree(folder / "tree");
  const fs::path file = indexed(folder, folder / "tree");
  const auto why = [&] { return lift::image_dataset(file, {.size = 8}).index_was_stale(); };
  BOOST_TEST(why() == "");

  write(folder / "tree/b/3.png", png(33));
  BOOST_TEST(why().starts_with("folder "));
  BOOST_TEST(lift::image_dataset(file, {.size = 8}).size() == 7u);
  BOOST_TEST(why().ends_with("less than two seconds before it was listed"));  // it changed a moment ago
  let_rest(folder / "tree");
  BOOST_TEST(why() != "");
  BOOST_TEST(why() == "");

  write_tar(folder / "tree/shards/01.tar", {{"y/9.png", png(99)}});
  fs::last_write_time(folder / "tree/shards", fs::file_time_type::clock::now() - std::chrono::hours(2));
  BOOST_TEST(why() != "");
  BOOST_TEST(lift::image_dataset(file, {.size = 8}).size() == 6u);

  // The same times, another folder.
  fs::copy(folder / "tree", folder / "other", fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(folder / "tree"))
    fs::last_write_time(folder / "other" / fs::relative(entry, folder / "tree"), fs::last_write_time(entry));
  fs::last_write_time(folder / "other", fs::last_write_time(folder / "tree"));
  fs::rename(folder / "tree", folder / "before");
  fs::rename(folder / "other", folder / "tree");
  BOOST_TEST(why().ends_with("has changed"));
  BOOST_TEST(why() == "");

  // It serves where it cannot be written.
  write(folder / "tree/b/4.png", png(44));
  {
    const lift::output_file writer(file);
    const lift::image_dataset data(file, {.size = 8});
    BOOST_TEST(data.size() == 7u);
    BOOST_TEST(data.index_was_stale().ends_with("another process is writing it"));
  }
  BOOST_TEST(lift::load_image_index(file).images.size() == 6u);

  fs::remove_all(folder / "tree");
  check_error([&] { why(); }, "No such file or directory");
  BOOST_TEST(lift::load_image_index(file).images.size() == 6u);  // what was there stays
}

BOOST_AUTO_TEST_CASE(what_was_changed_since_it_was_listed_is_not_read) {
  const scratch_folder folder;
  write_tree(folder / "tree");
  const lift::image_dataset data(indexed(folder, folder / "tree"), {.size = 8, .max_bad = 100});
  write(folder / "tree/a/1.png", png(11));
  write_tar(folder / "tree/shards/00.tar", {{"x/7.png", png(70)}});
  const auto read = [&](std::size_t i) { data.with_pixels(i, [](auto) {}); };
  check_error([&] { read(0); }, "1.png has changed since it was listed");
  check_error([&] { read(2); }, "00.tar has changed since it was listed");
  fs::remove(folder / "tree/b/2.png");
  check_error([&] { read(1); }, "2.png: No such file or directory");
}

BOOST_AUTO_TEST_CASE(another_of_its_class_stands_for_a_bad_image) {
  const scratch_folder folder;
  for (const std::size_t i : {1u, 3u}) write(folder / lift::text("tree/a/", i, ".png"), png(11 * i));
  for (const std::size_t i : {5u, 6u}) write(folder / lift::text("tree/b/", i, ".png"), png(11 * i));
  write(folder / "tree/a/2.png", "%PDF-1.4");
  fs::create_symlink(folder / "nothing", folder / "tree/b/4.png");
  write(folder / "tree/c/7.png", "none");
  let_rest(folder / "tree");
  const fs::path file = indexed(folder, folder / "tree");
  std::atomic<int> told = 0;
  const auto tell = [&](const std::string&) { ++told; };
  BOOST_TEST(lift::load_image_index(file).images.size() == 7u);
  const lift::image_dataset data(file, {.size = 8, .max_bad = 3, .on_bad = tell});
  const auto level = [&](std::size_t i) {
    int result = 0;
    data.with_pixels(i, [&](std::span<const std::uint8_t> levels) { result = levels[0]; });
    return result;
  };
  for (int twice = 0; twice < 2; ++twice) {
    BOOST_TEST(level(1) == 11);  // the one before
    BOOST_TEST(level(3) == 55);  // the one after, as there is none before
  }
  BOOST_TEST(told == 2);
  check_error([&] { level(6); }, "no other image of its class is good");
  const lift::image_dataset strict(file, {.size = 8, .max_bad = 1});
  for (int twice = 0; twice < 2; ++twice) check_error([&] { shown(strict); }, "allowed 1)");
  fs::resize_file(folder / "tree/a/1.png", (std::uintmax_t{256} << 20) + 1);  // a hole
  let_rest(folder / "tree");
  const lift::image_dataset large(indexed(folder, folder / "tree"), {.size = 8, .max_bad = 0});
  check_error([&] { shown(large); }, "1.png: larger than 268435456 bytes (bad images: 1, allowed 0)");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_indexed_is_refused) {
  const scratch_folder folder;
  const auto refusal = [&](const std::string& name, const std::string& want) {
    check_error([&] { lift::index_images(folder / name); }, want);
  };
  fs::create_directories(folder / "empty");
  write(folder / "empty/a.md", "#");
  refusal("empty", "image in " + (folder / "empty").string() + " but 1 other file: .md 1");
  refusal("absent", "absent: No such file or directory");
  write_zip(folder / "a.zip", {{"1.png", png(1)}});
  refusal("a.zip", "cannot index " + (folder / "a.zip").string() + ": not a tar file, or a compressed one");
  write_foreign(folder / "a.tar", [](archive* to) {
    archive_write_set_format_ustar(to);
    archive_write_add_filter_gzip(to);
  }, {{"1.png", png(1)}});
  refusal("a.tar", "not a tar file, or a compressed one");
  write(folder / "tree/b.tar", "no tar");
  refusal("tree", "b.tar: not a whole zip or tar file");
  write(folder / "tree/1.png", png(1));
  check_error([&] { lift::image_dataset(folder / "tree"); }, "b.tar: not a whole zip or tar file (it is of an unknown kind) (bad images: 1, allowed 0)");
  BOOST_TEST(lift::image_dataset(folder / "tree", {.size = 8, .max_bad = 1}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(damaged_and_hostile_indices_are_refused) {
  const scratch_folder folder;
  write_tree(folder / "tree");
  const fs::path file = indexed(folder, folder / "tree"), other = folder / "other.index";
  const std::vector<std::byte> bytes = lift::read_file(file);
  const auto load = [&](std::span<const std::byte> content) {
    lift::atomic_write(other, content, lift::durability::cached);
    lift::load_image_index(other);
  };
  load(bytes);
  BOOST_TEST(count_refused_truncations(bytes, load) == bytes.size());
  count_refused_changes(bytes, load);  // whatever is not refused is read without harm

  const auto changed = [&](const std::function<void(lift::image_index&)>& change) {
    lift::image_index index = lift::load_image_index(file);
    change(index);
    lift::save_image_index(other, index);
    return [&] { lift::load_image_index(other); };
  };
  check_error(changed([](auto& x) { x.images[0].shard = 2; }), "shard or class of 'a/1.png' is unknown");
  check_error(changed([](auto& x) { x.images[0].shard = 0; }), "shard or class of 'a/1.png' is unknown");
  check_error(changed([](auto& x) { x.images[0].label = 4; }), "shard or class of 'a/1.png' is unknown");
  check_error(changed([](auto& x) { x.images.pop_back(); }), "6 names of 5 images");
  check_error(changed([](auto& x) { x.source = "tree"; }), "its source is not told");
  check_error(changed([](auto& x) { x.shards[0].name = "../00.tar"; }), "'../00.tar' leaves its source");
  check_error(changed([](auto& x) { x.folders[1].name = "/etc"; }), "'/etc' leaves its source");
  check_error(changed([](auto& x) {
                x.names = lift::name_list({"a/../../1.png", "2", "3", "4", "5", "6"});
              }),
              "'a/../../1.png' leaves its source");
  check_error([&] { lift::load_image_index(folder / "tree/shards/00.tar"); }, "not a .npy array");
}

BOOST_AUTO_TEST_SUITE_END()
