// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <lift/core/digits.hpp>
#include <lift/core/error.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/io/archive.hpp>
#include <lift/io/checksum.hpp>
#include <lift/io/file.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/folder_files.hpp>
#include <lift/io/image_names.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// Names one after another in one piece of memory.
class name_list {
 public:
  name_list() = default;
  explicit name_list(const std::vector<std::string>& names) {
    for (const std::string& name : names) add(name);
  }
  /// From what letters() gives.
  explicit name_list(std::string letters) : letters_(std::move(letters)) {
    for (std::size_t i = 0; i < letters_.size(); ++i)
      if (letters_[i] == '\0') ends_.push_back(i);
  }
  void add(std::string_view name) {
    letters_ += name;
    letters_ += '\0';
    ends_.push_back(letters_.size() - 1);
  }
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1] + 1;
    return std::string_view(letters_).substr(begin, ends_[i] - begin);
  }
  /// Each name and a zero byte.
  const std::string& letters() const { return letters_; }

 private:
  std::string letters_;
  std::vector<std::size_t> ends_;
};

/// A file is no longer what it was when it was listed.
class changed_since_listed : public error {
 public:
  using error::error;
};

/// Where the images of a data set lie and what their classes are, so that each can be read when it
/// is needed: those of a folder, with those below it, and of tar files in it (WebDataset's shards),
/// or of one tar file. Kept in a file, which is as good as the folders and tar files are unchanged.
struct image_index {
  static constexpr std::int64_t version = 1;  ///< of the file

  struct folder {
    std::string name;       ///< relative to the source; empty if it is the source
    std::int64_t modified;  ///< when files were last added or removed, nanoseconds since 1970
    std::uint64_t inode;    ///< its number in the file system
  };
  /// A tar file that is not compressed.
  struct shard {
    std::string name;       ///< relative to the source; empty if it is the source
    std::uint64_t bytes;    ///< of the file
    std::int64_t modified;  ///< nanoseconds since 1970
    std::uint64_t inode;
  };
  struct image {
    std::int32_t shard;      ///< −1: a file of its own
    std::int32_t label;      ///< number of the class; −1: none
    std::uint64_t position;  ///< of the entry in the shard
    std::uint64_t bytes;     ///< of the image's file
    std::int64_t modified;   ///< of a file of its own, nanoseconds since 1970
  };

  std::filesystem::path source;  ///< absolute
  std::int64_t listed = 0;       ///< when, nanoseconds since 1970
  std::string passed_over;       ///< as other_files::summary
  std::vector<folder> folders;
  std::vector<shard> shards;
  std::vector<std::string> classes;  ///< printable
  name_list names;               ///< of the images, as paths in the source; of a shard's, behind its name
  std::vector<image> images;     ///< in the order of their names

  std::filesystem::path place_of(const std::string& relative) const {
    return relative.empty() ? source : source / relative;
  }

  /// What the names of a shard's images begin with.
  std::string before(std::int32_t number) const {
    if (number < 0) return "";
    const std::string& name = shards[static_cast<std::size_t>(number)].name;
    return name.empty() ? "" : name + "/";
  }

  /// Why the index is no longer that of its source; empty if it is. What is written into an image
  /// without a change of its folder shows when it is read.
  std::string stale() const {
    struct ::stat status {};
    const auto is_as_listed = [&](const auto& listed_one) {
      return ::stat(place_of(listed_one.name).c_str(), &status) == 0 &&
             nanoseconds(status.st_mtim) == listed_one.modified && status.st_ino == listed_one.inode;
    };
    for (const folder& each : folders) {
      if (!is_as_listed(each)) return text("folder ", place_of(each.name).string(), " has changed");
      // Another change within the same tick of its clock, after the listing, would not show.
      constexpr std::int64_t tick = 2'000'000'000;
      if (each.modified > listed - tick)
        return text("folder ", place_of(each.name).string(), " had changed less than two seconds before it was listed");
    }
    for (const shard& each : shards)
      if (!is_as_listed(each) || static_cast<std::uint64_t>(status.st_size) != each.bytes)
        return text(place_of(each.name).string(), " has changed");
    return "";
  }

  /// A number of the names, sizes and classes of the first `count` images.
  std::string fingerprint(std::size_t count) const {
    checksum sum;
    for (std::size_t i = 0; i < count; ++i) {
      sum.add(names[i]);
      sum.add(text(images[i].bytes, ' ', images[i].label));
    }
    return hexadecimal(sum.value());
  }

  /// The bytes of the file of image i. Throws changed_since_listed where it is not what was listed,
  /// and lift::error where it cannot be read.
  std::vector<std::byte> read(std::size_t i) const {
    const image& at = images[i];
    if (at.shard < 0) {
      input_file file(source / names[i]);
      require_unchanged(file, at.bytes, at.modified);
      return read_file(std::move(file), archive_limits().entry_bytes);
    }
    const shard& in = shards[static_cast<std::size_t>(at.shard)];
    input_file file(place_of(in.name));
    require_unchanged(file, in.bytes, in.modified);
    archive_reader archive(std::move(file), at.position);
    const std::string_view name = names[i].substr(before(at.shard).size());
    if (!archive.next() || std::filesystem::path(archive.name()).lexically_normal() != name)
      throw changed_since_listed(text(place_of(in.name).string(), ": no entry ", quote_name(name), " at ", at.position));
    return archive.read();
  }

 private:
  static void require_unchanged(const input_file& file, std::uint64_t bytes, std::int64_t modified) {
    if (file.size() != bytes || file.modified() != modified)
      throw changed_since_listed(
          text(file.path().string(), " has changed since it was listed: its folder is to be indexed again"));
  }
};

namespace detail {

/// An image that index_images has found.
struct found_image {
  std::string name;
  std::size_t inside;  ///< how much of the name is the shard's
  image_index::image at;
  std::string given;   ///< its class, where a file beside it says so
};

/// What index_images finds in a shard.
struct shard_content {
  std::vector<found_image> images;
  other_files others;
};

inline shard_content list_shard(const image_index& index, std::int32_t number) {
  const image_index::shard& shard = index.shards[static_cast<std::size_t>(number)];
  const std::string before = index.before(number);
  shard_content result;
  given_classes given;
  for (archive_reader archive(index.place_of(shard.name)); archive.next();) {
    stoppable::check();
    const auto place = archive.place_in_tar();
    if (!place)
      throw error(text("cannot index ", index.place_of(shard.name).string(),
                       ": not a tar file, or a compressed one; unpack it"));
    const std::filesystem::path name = std::filesystem::path(archive.name()).lexically_normal();
    if (is_hidden(name)) continue;
    if (is_image_name(name))
      result.images.push_back({before + name.string(), before.size(),
                               {number, -1, place->position, place->bytes, 0}, ""});
    else if (given.is_class_name(name))
      given.add(name.string(), archive.read());
    else
      result.others.add(name);
  }
  for (found_image& image : result.images) image.given = given.of(image.name.substr(before.size()));
  return result;
}

}  // namespace detail

/// Lists the images of a folder or a tar file, which takes seconds for a million: no image is read.
/// Throws lift::error if there is none, or a folder or tar file cannot be read.
inline image_index index_images(const std::filesystem::path& source) {
  image_index index;
  index.source = std::filesystem::absolute(source);  // not normalised: a link's ".." leads elsewhere
  index.listed = std::chrono::duration_cast<std::chrono::nanoseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  std::vector<detail::found_image> found;
  other_files others;
  const auto add_shard = [&](const std::string& name) {
    const input_file file(index.place_of(name));
    index.shards.push_back({name, file.size(), file.modified(), file.inode()});
  };
  std::error_code unknown;  // then reading it says why
  if (std::filesystem::is_directory(source, unknown)) {
    folder_files files = list_folder(source);
    if (!files.unreadable.empty()) throw error(files.unreadable[0]);
    for (const auto& folder : files.folders)
      index.folders.push_back({folder.name.string(), folder.modified, folder.inode});
    for (const std::filesystem::path& file : files.files) {
      if (is_image_name(file))
        found.push_back({file.string(), 0, {-1, -1, 0, 0, 0}, ""});
      else if (is_shard_name(file))
        add_shard(file.string());
      else
        others.add(file);
    }
  } else {
    add_shard("");
  }
  default_thread_pool().run(found.size(), [&](std::size_t i) {
    struct ::stat status {};
    const std::filesystem::path file = index.source / found[i].name;
    if (::stat(file.c_str(), &status) != 0) return;  // bad when it is read, such as a link to nothing
    found[i].at.bytes = static_cast<std::uint64_t>(status.st_size);
    found[i].at.modified = nanoseconds(status.st_mtim);
  });
  std::vector<detail::shard_content> of_shards(index.shards.size());
  default_thread_pool().run(of_shards.size(), [&](std::size_t i) {
    of_shards[i] = detail::list_shard(index, static_cast<std::int32_t>(i));
  });
  for (detail::shard_content& shard : of_shards) {
    std::ranges::move(shard.images, std::back_inserter(found));
    others.add(shard.others);
  }
  index.passed_over = others.summary();
  if (found.empty()) throw_no_image(source.string(), index.passed_over);
  std::ranges::stable_sort(found, {}, &detail::found_image::name);
  image_classes classes = classes_of(
      found.size(), [&](std::size_t i) { return std::string_view(found[i].name).substr(found[i].inside); },
      [&](std::size_t i) { return std::string_view(found[i].given); });
  index.classes = std::move(classes.names);
  for (std::size_t i = 0; i < found.size(); ++i) {
    index.names.add(found[i].name);
    found[i].at.label = classes.labels[i];
    index.images.push_back(found[i].at);
  }
  return index;
}

}  // namespace lift
