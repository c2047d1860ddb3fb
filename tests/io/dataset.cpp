// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <io/file_size_limit.hpp>
#include <io/hostile.hpp>
#include <io/made_archives.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/dataset.hpp>

BOOST_AUTO_TEST_SUITE(dataset_tests)

namespace {

/// Twenty images of several shapes, called "00.png" and so on; image i is filled with level 10·i.
std::vector<lift::named_image> example() {
  std::vector<lift::named_image> images;
  for (std::size_t i = 0; i < 20; ++i) {
    const std::string name = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    images.push_back({name + ".png", lift::blank_image(16 + i, 16 + 3 * (i % 4), 3,
                                                       static_cast<std::uint8_t>(10 * i))});
  }
  return images;
}

void check_example(const lift::image_dataset& data) {
  BOOST_TEST(data.size() == 20u);
  BOOST_TEST(data.sides() == 16u);
  for (std::size_t i = 0; i < data.size(); ++i) {
    BOOST_TEST(data.pixels(i).size() == 3u * 16 * 16);
    for (const std::uint8_t level : data.pixels(i)) BOOST_REQUIRE(level == 10 * i);
  }
}

using strings = std::vector<std::string>;

/// Writes a small image under each name: below the folder "tree", and to "a.zip" and "a.tar", in
/// which the names are marked as UTF-8, respectively not.
void write_sources(const scratch_folder& folder, const strings& names) {
  const auto bytes = lift::encode_png(lift::blank_image(8, 8, 3, 50));
  std::filesystem::remove_all(folder / "tree");
  entries in_tar;
  std::vector<lift::named_image> zipped;
  for (const std::string& name : names) {
    const auto file = folder / ("tree/" + name);
    std::filesystem::create_directories(file.parent_path());
    lift::atomic_write(file, bytes);
    zipped.push_back({name, lift::blank_image(8, 8, 3, 50)});
    in_tar.emplace_back(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  // The names are not marked.
  write_foreign(folder / "a.tar", archive_write_set_format_ustar, in_tar);
  lift::save_dataset_zip(folder / "a.zip", zipped);
}

/// "name: class" of every image, "name:" of one without.
strings labels(const lift::image_dataset& data) {
  strings result;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::optional<std::size_t> label = data.label(i);
    result.push_back(data.name(i) + (label ? ": " + data.classes().at(*label) : ":"));
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(zip_and_folder_hold_the_same_images_in_the_order_of_their_names) {
  const scratch_folder folder;
  auto images = example();
  std::filesystem::create_directories(folder / "tree/sub");
  for (const auto& [name, picture] : images) lift::write_png(folder / "tree/sub" / name, picture);
  lift::atomic_write(folder / "tree/notes.txt", std::string_view("not an image"));
  lift::atomic_write(folder / "tree/._00.png", std::string_view("hidden"));
  std::reverse(images.begin(), images.end());
  lift::save_dataset_zip(folder / "a.zip", images);
  for (const std::size_t threads : {1u, 2u, 5u}) {
    lift::default_thread_pool().resize(threads);
    check_example(lift::image_dataset(folder / "a.zip", {.size = 16}));
    check_example(lift::image_dataset(folder / "tree", {.size = 16}));
  }
  BOOST_TEST(lift::image_dataset(folder / "tree", {.size = 16}).name(3) == "sub/03.png");
}

BOOST_AUTO_TEST_CASE(images_that_are_read_again_are_those_that_are_kept) {
  const scratch_folder folder;
  std::filesystem::create_directories(folder / "tree/sub");
  for (const auto& [name, picture] : example()) lift::write_png(folder / "tree/sub" / name, picture);
  lift::save_dataset_zip(folder / "a.zip", example());
  lift::atomic_write(folder / "tree/bad.png", std::string_view("no image"));
  for (const auto& source : {folder / "a.zip", folder / "tree"}) {
    const lift::dataset_options options{.size = {16, 12}, .max_bad = 1};
    lift::dataset_options read_again = options;
    read_again.read_again = true;
    const lift::image_dataset kept(source, options), data(source, read_again);
    BOOST_REQUIRE(data.size() == kept.size());
    BOOST_TEST(data.bad() == kept.bad());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      BOOST_TEST(data.pixels(i).empty());
      std::vector<float> values(3 * 16 * 12), wanted(values.size());
      for (int twice = 0; twice < 2; ++twice) {
        data.normalised(i, values);
        kept.normalised(i, wanted);
        BOOST_TEST((values == wanted));
      }
      data.with_pixels(i, [&](std::span<const std::uint8_t> levels) {
        BOOST_TEST(std::ranges::equal(levels, kept.pixels(i)));
      });
    }
  }
  const lift::image_dataset data(folder / "tree", {.size = 16, .max_bad = 1, .read_again = true});
  const auto read = [&] { data.with_pixels(3, [](auto) {}); };
  lift::atomic_write(folder / "tree/sub/03.png", std::string_view("%PDF-1.4"));
  check_error(read, "image 'sub/03.png': the file is a PDF document, want PNG, JPEG, WebP, BMP or GIF");
  std::filesystem::remove(folder / "tree/sub/03.png");
  BOOST_CHECK_THROW(read(), lift::error);
}

BOOST_AUTO_TEST_CASE(pixels_are_planar_and_normalised_as_torchvision_does) {
  const scratch_folder folder;
  lift::image picture = lift::blank_image(2, 2, 3, 0);
  for (std::size_t i = 0; i < 12; ++i) picture.pixels[i] = static_cast<std::uint8_t>(20 * i);
  lift::save_dataset_zip(folder / "a.zip", std::vector<lift::named_image>{{"a.png", picture}});
  const lift::image_dataset data(folder / "a.zip", {.size = 2});
  const std::vector<int> planar = {0, 60, 120, 180, 20, 80, 140, 200, 40, 100, 160, 220};
  BOOST_TEST(std::vector<int>(data.pixels(0).begin(), data.pixels(0).end()) == planar);
  std::vector<float> values(12);
  data.normalised(0, values);
  for (std::size_t i = 0; i < 12; ++i) {
    BOOST_TEST(values[i] == (static_cast<float>(planar[i]) / 255.0f - 0.5f) / 0.5f);
  }
  check_error([&] { data.normalised(0, std::span(values).first(11)); },
              "values of an image: got 11, want 12");
}

BOOST_AUTO_TEST_CASE(bad_images_are_counted_and_too_many_are_an_error) {
  const scratch_folder folder;
  const auto whole = lift::encode_png(lift::blank_image(8, 8, 3, 50));
  lift::atomic_write(folder / "a.png", std::span(whole).first(whole.size() / 2));
  lift::atomic_write(folder / "b.png", whole);
  lift::atomic_write(folder / "c.jpg", std::string_view("%PDF-1.4"));
  check_error([&] { lift::image_dataset(folder.path(), {.size = 8}); },
              "PNG 'a.png': the file is truncated (bad images: 1, allowed 0)");
  check_error(
      [&] { lift::image_dataset(folder.path(), {.size = 8, .max_bad = 1}); },
      "image 'c.jpg': the file is a PDF document, want PNG, JPEG, WebP, BMP or GIF (bad images: 2, "
      "allowed 1)");
  std::filesystem::rename(folder / "b.png", folder / "b.txt");
  check_error([&] { lift::image_dataset(folder.path(), {.size = 8, .max_bad = 2}); },
              "PNG 'a.png': the file is truncated (bad images: 2, good: 0)");
  std::filesystem::rename(folder / "b.txt", folder / "b.png");
  const lift::image_dataset data(folder.path(), {.size = 8, .max_bad = 2});
  BOOST_TEST(data.size() == 1u);
  BOOST_TEST(data.name(0) == "b.png");
  BOOST_TEST(data.bad().size() == 2u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_a_bad_image_too) {
  const scratch_folder folder;
  std::filesystem::create_directories(folder / "tree/folder.png");
  lift::write_png(folder / "tree/folder.png/a.png", lift::blank_image(8, 8, 3, 50));
  std::filesystem::create_symlink("nowhere", folder / "tree/dangling.png");
  std::filesystem::create_symlink("circle.png", folder / "tree/circle.png");
  std::filesystem::create_symlink("/dev/null", folder / "tree/device.png");
  std::filesystem::create_symlink("nowhere", folder / "tree/dangling.txt");
  lift::atomic_write(folder / "tree/empty.png", std::string_view());
  lift::atomic_write(
      folder / "tree/vast.png",
      [](lift::output_file& file) {
        BOOST_REQUIRE(::ftruncate(file.descriptor(), 1 << 30) == 0);
      },
      lift::durability::cached);
  check_error([&] { lift::image_dataset(folder / "tree"); },
              "circle.png: Too many levels of symbolic links (bad images: 1, allowed 0)");
  const lift::image_dataset data(folder / "tree", {.size = 8, .max_bad = 5});
  BOOST_TEST(data.size() == 1u);
  BOOST_TEST(data.name(0) == "folder.png/a.png");
  BOOST_TEST(data.passed_over() == "1 other file: .txt 1");
  BOOST_REQUIRE(data.bad().size() == 5u);
  BOOST_TEST(data.bad()[1].ends_with("dangling.png: No such file or directory"));
  BOOST_TEST(data.bad()[2].ends_with("device.png: not a regular file"));
  BOOST_TEST(data.bad()[3].starts_with("image 'empty.png': the file is an empty file"));
  BOOST_TEST(data.bad()[4].ends_with("vast.png: larger than 268435456 bytes"));

  lift::save_dataset_zip(folder / "a.zip", example());
  auto bytes = lift::read_file(folder / "a.zip");
  const auto pixels = std::as_bytes(std::span("IDAT", 4));
  *std::search(bytes.begin(), bytes.end(), pixels.begin(), pixels.end()) = std::byte{'i'};
  lift::atomic_write(folder / "a.zip", bytes);
  check_error([&] { lift::image_dataset(folder / "a.zip"); }, "bad CRC");
  const lift::image_dataset rest(folder / "a.zip", {.size = 8, .max_bad = 1});
  BOOST_TEST(rest.size() == 19u);
  BOOST_TEST(rest.bad().size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_hidden_is_not_read_and_what_is_no_image_is_counted) {
  const scratch_folder folder;
  const lift::image picture = lift::blank_image(8, 8, 3, 50);
  std::vector<lift::named_image> files;
  for (const char* name : {"a.PNG", ".hidden.png", ".git/b.png", "sub/.cache/deep/c.jpg",
                           "sub/d.jpeg", "notes.txt", "sub/more.TXT", "README", "odd.e-nd", "e.md"})
    files.push_back({name, picture});
  for (const auto& [name, content] : files) {
    std::filesystem::create_directories((folder / ("tree/" + name)).parent_path());
    lift::write_png(folder / ("tree/" + name), content);
  }
  auto zipped = files;
  for (auto& file : zipped) file.name = "./" + file.name;  // as tar and some zips have them
  zipped.push_back({"__MACOSX/a.png", picture});
  lift::save_dataset_zip(folder / "a.zip", zipped);
  for (const char* source : {"tree", "a.zip"}) {
    const lift::image_dataset data(folder / source, {.size = 8});
    BOOST_TEST(data.size() == 2u);
    BOOST_TEST(data.name(0) == "a.PNG");
    BOOST_TEST(data.name(1) == "sub/d.jpeg");
    BOOST_TEST(data.passed_over() == "5 other files: .txt 2, others 2, .md 1");
  }
}

BOOST_AUTO_TEST_CASE(linked_folders_are_followed_and_none_is_read_twice) {
  const scratch_folder folder;
  const auto link = [&](const char* to, const char* name) {
    std::filesystem::create_directory_symlink(to, folder / name);
  };
  for (const char* name : {"tree/z", "outside/deep"})
    std::filesystem::create_directories(folder / name);
  for (const char* name : {"tree/z/1.png", "outside/2.png", "outside/deep/3.png"})
    lift::write_png(folder / name, lift::blank_image(8, 8, 3, 50));
  link("z", "tree/a");  // its own name comes first all the same
  link("../outside", "tree/b");
  link("../outside", "tree/c");
  link("../tree", "outside/back");
  link("../../outside", "tree/z/up");
  std::filesystem::create_symlink("1.png", folder / "tree/z/4.png");
  const lift::image_dataset data(folder / "tree", {.size = 8});
  std::vector<std::string> names;
  for (std::size_t i = 0; i < data.size(); ++i) names.push_back(data.name(i));
  BOOST_TEST(names == (std::vector<std::string>{"b/2.png", "b/deep/3.png", "z/1.png", "z/4.png"}));
}

BOOST_AUTO_TEST_CASE(sources_without_images_are_refused) {
  const scratch_folder folder;
  check_error([&] { lift::image_dataset(folder.path()); },
              "no PNG, JPEG, WebP, BMP or GIF image in " + folder.path().string());
  check_error([&] { lift::image_dataset(folder / "absent"); }, "absent: No such file or directory");
  auto images = example();
  images.resize(1);
  images[0].name = "notes.txt";
  lift::save_dataset_zip(folder / "other.zip", images);
  check_error([&] { lift::image_dataset(folder / "other.zip"); },
              "other.zip but 1 other file: .txt 1");
  check_error([&] { lift::image_dataset(folder.path(), {.size = 0}); },
              "size of the images: got 0");
}

BOOST_AUTO_TEST_CASE(a_truncated_zip_and_a_full_disk_are_errors) {
  const scratch_folder folder;
  lift::save_dataset_zip(folder / "a.zip", example());
  const auto bytes = lift::read_file(folder / "a.zip");
  lift::atomic_write(folder / "cut.zip", std::span(bytes).first(bytes.size() / 2));
  check_error([&] { lift::image_dataset(folder / "cut.zip"); },
              "cut.zip: not a whole zip or tar file");
  {
    const file_size_limit limit(1000);
    check_error([&] { lift::save_dataset_zip(folder / "b.zip", example()); }, "cannot write ");
  }
  BOOST_TEST(folder.files() == 2u);
}

BOOST_AUTO_TEST_CASE(classes_are_the_first_folders_that_not_all_images_share) {
  struct layout {
    strings names, classes, labels;
  };
  const layout layouts[] = {
      {{"dog/2.png", "cat/1.png", "dog/1.png"},
       {"cat", "dog"},
       {"cat/1.png: cat", "dog/1.png: dog", "dog/2.png: dog"}},
      {{"top/set/b/1.png", "./top//set/a/x/2.png", "top/set/a/y/3.png", "top/set/.c/4.png"},
       {"a", "b"},
       {"top/set/a/x/2.png: a", "top/set/a/y/3.png: a", "top/set/b/1.png: b"}},
      {{"one/x/1.png", "one/x/2.png"}, {}, {"one/x/1.png:", "one/x/2.png:"}},
      {{"one/x/1.png"}, {}, {"one/x/1.png:"}},
      {{"1.png", "2.png"}, {}, {"1.png:", "2.png:"}},
      {{"a/1.png", "2.png"}, {"a"}, {"2.png:", "a/1.png: a"}},
      {{"a/1.png", "a/b/1.png", "a/b/c/1.png"},
       {"b"},
       {"a/1.png:", "a/b/1.png: b", "a/b/c/1.png: b"}},
      // What the names share is whole folders.
      {{"top/cat/1.png", "top/car/1.png"},
       {"car", "cat"},
       {"top/car/1.png: car", "top/cat/1.png: cat"}},
      // Where one name of a class begins with another, classes and images differ in their order.
      {{"abc/1.png", "abd/1.png", "ab/1.png", "ab-/1.png", "Ab/1.png"},
       {"Ab", "ab", "ab-", "abc", "abd"},
       {"Ab/1.png: Ab", "ab-/1.png: ab-", "ab/1.png: ab", "abc/1.png: abc", "abd/1.png: abd"}},
      {{"1.png/1.png", "1.png/1.png.png"}, {}, {"1.png/1.png:", "1.png/1.png.png:"}}};
  for (const auto& [names, classes, want] : layouts) {
    const scratch_folder folder;
    write_sources(folder, names);
    for (const char* source : {"tree", "a.zip", "a.tar"}) {
      BOOST_TEST_CONTEXT(source << " of " << names.front()) {
        const lift::image_dataset data(folder / source, {.size = 8});
        BOOST_TEST(data.classes() == classes, boost::test_tools::per_element());
        BOOST_TEST(labels(data) == want, boost::test_tools::per_element());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(classes_are_any_bytes_and_in_their_order) {
  const scratch_folder folder;
  write_sources(folder, {"\xff\xfe/1.png", "z/1.png", "z\xc3\xbcrich/1.png", "\x1b[1m\n/1.png"});
  const strings want = {"\\x1b[1m\\x0a", "z", "z\xc3\xbcrich", "\\xff\\xfe"};
  for (const char* source : {"tree", "a.tar"}) {
    const lift::image_dataset data(folder / source, {.size = 8});
    BOOST_TEST(data.classes() == want, boost::test_tools::per_element());
    for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(data.label(i).value() == i);
  }
}

BOOST_AUTO_TEST_CASE(skipped_images_are_of_no_class_and_share_no_folder) {
  const scratch_folder folder;
  const auto check_classes = [&](std::size_t skipped, const strings& want) {
    for (const char* source : {"tree", "a.zip", "a.tar"}) {
      const lift::image_dataset data(folder / source, {.size = 8, .max_bad = 1});
      BOOST_TEST(data.bad().size() == skipped);
      BOOST_TEST(data.classes() == want, boost::test_tools::per_element());
    }
  };
  // Makes one image bad in every source.
  const auto damage = [&](const std::string& name) {
    lift::atomic_write(folder / ("tree/" + name), std::string_view("%PDF-1.4"));
    for (const char* source : {"a.zip", "a.tar"}) {
      auto bytes = lift::read_file(folder / source);
      const auto at = std::as_bytes(std::span(name));
      const auto found = std::search(bytes.begin(), bytes.end(), at.begin(), at.end());
      const auto pixels = std::as_bytes(std::span("IDAT", 4));
      *std::search(found, bytes.end(), pixels.begin(), pixels.end()) = std::byte{'i'};
      lift::atomic_write(folder / source, bytes);
    }
  };
  write_sources(folder, {"a/1.png", "b/1.png", "c/1.png"});
  check_classes(0, {"a", "b", "c"});
  damage("b/1.png");
  check_classes(1, {"a", "c"});
  write_sources(folder, {"top/a/1.png", "top/b/1.png", "stray.png"});
  check_classes(0, {"top"});
  damage("stray.png");
  check_classes(1, {"a", "b"});

  // The name of the first is marked as UTF-8 and is none.
  write_sources(folder, {"\xc3\xbc.png", "top/a/1.png", "top/b/1.png"});
  auto bytes = lift::read_file(folder / "a.zip");
  const auto name = std::as_bytes(std::span("\xc3\xbc.png", 6));
  for (auto at = bytes.begin();;) {
    at = std::search(at, bytes.end(), name.begin(), name.end());
    if (at == bytes.end()) break;
    *at = std::byte{0xff};
  }
  lift::atomic_write(folder / "a.zip", bytes);
  const lift::image_dataset data(folder / "a.zip", {.size = 8, .max_bad = 1});
  BOOST_TEST(data.bad().size() == 1u);
  BOOST_TEST(data.classes() == (strings{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(images_without_a_class_can_be_refused) {
  const scratch_folder folder;
  const std::string place = folder.path().string();
  const auto check_refused = [&](const strings& names, const std::string& before,
                                 const std::string& after) {
    write_sources(folder, names);
    for (const std::string source : {"tree", "a.tar"}) {
      const lift::image_dataset data(folder / source, {.size = 8});
      check_error([&] { data.require_labels(); }, before + place + "/" + source + after);
    }
  };
  check_refused({"a/1.png", "a/2.png"}, "classes of ",
                ": got none, want images in at least two folders");
  check_refused({"1.png", "\x1b\xff/2.png"}, "classes of ",
                ": got only '\\x1b\\xff', want images in at least two folders");
  check_refused({"a/1.png", "b/1.png", "x\n\xff.png"}, "class of 'x\\x0a\\xff.png' in ",
                ": got none, want every image in the folder of its class");
  write_sources(folder, {"a/1.png", "b/1.png"});
  for (const char* source : {"tree", "a.zip", "a.tar"})
    BOOST_CHECK_NO_THROW(lift::image_dataset(folder / source, {.size = 8}).require_labels());
}

BOOST_AUTO_TEST_SUITE_END()
