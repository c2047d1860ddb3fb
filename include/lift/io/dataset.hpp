// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <new>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/io/archive.hpp>
#include <lift/io/decode_image.hpp>
#include <lift/io/file.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/folder_files.hpp>
#include <lift/io/image.hpp>
#include <lift/io/image_index_file.hpp>
#include <lift/io/image_names.hpp>
#include <lift/io/indexed_images.hpp>
#include <lift/io/pixel.hpp>
#include <lift/io/png.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/resize.hpp>
#include <lift/io/zip_writer.hpp>

namespace lift {

struct dataset_options {
  image_size size = 64;     ///< of the images
  std::size_t max_bad = 0;  ///< how many unreadable images are skipped before it is an error
  /// Whether images are read again, and decoded, each time they are asked for. Then no pixels are kept in
  /// memory; of a folder nothing is, of an archive the images' files. Those of an index always are.
  bool read_again = false;
  /// Called, by any thread, for each image of an index that is bad when it is first read.
  std::function<void(const std::string& why)> on_bad = {};
};

/// The PNG, JPEG, WebP, BMP and GIF images of a folder (with those below it, linked ones too, and
/// those of tar files in it) or of a zip or tar file, each turned upright, resized and cropped to
/// `size` in RGB and kept in memory as (3, H, W) bytes unless they are to be read again, in the
/// order of their names. Hidden files are not read; files of other endings are counted. The class of
/// an image is what a file KEY.cls beside it in a tar file says, or, where there is none, the first
/// folder of its name, after the leading folders that all images share. Throws lift::error if there
/// is no image or more than `max_bad` are bad.
///
/// Of an index (save_image_index) the images are read when they are asked for, or ahead of that
/// (expect), so that a data set of any size is ready in seconds. One that is stale is made anew.
class image_dataset {
 public:
  explicit image_dataset(const std::filesystem::path& source, const dataset_options& options = {})
      : source_(source.string()), options_(options) {
    require(options_.size.width > 0 && options_.size.height > 0, "size of the images",
            options_.size, "at least 1");
    std::error_code unknown;  // then reading it says why
    const bool folder = std::filesystem::is_directory(source, unknown);
    if (!folder && content_of(source).kind == file_kind::image_index) {
      open_index(source);
    } else {
      if (folder)
        load_folder(source);
      else
        load_archive(archive_reader(source));
      finish_loading();
    }
  }

  std::size_t size() const { return indexed_ ? indexed_->index().images.size() : images_.size(); }
  const image_size& sides() const { return options_.size; }
  std::string name(std::size_t i) const {
    return indexed_ ? std::string(indexed_->index().names[i]) : images_[i].name;
  }

  /// The index by which the images are read; null where they are read by none.
  const image_index* index() const { return indexed_ ? &indexed_->index() : nullptr; }
  /// Why the index was made anew when it was opened; empty if it was not.
  const std::string& index_was_stale() const { return stale_; }

  /// Image i as levels 0 … 255, (3, H, W), where they are kept in memory; else none.
  std::span<const std::uint8_t> pixels(std::size_t i) const {
    return indexed_ ? std::span<const std::uint8_t>() : images_[i].planar;
  }

  /// Begins to read the images that will be asked for next, where they are read by an index.
  void expect(std::span<const std::size_t> numbers) const {
    if (indexed_) indexed_->expect(numbers);
  }

  /// Calls visit(image i as levels 0 … 255, (3, H, W)), from memory or read again; throws lift::error
  /// where its file is no longer what it was.
  template <class Visit>
  void with_pixels(std::size_t i, const Visit& visit) const {
    if (indexed_) return visit(std::span<const std::uint8_t>(indexed_->pixels(i)));
    if (!options_.read_again) return visit(pixels(i));
    const entry& known = images_[i];
    entry image{.name = known.name, .encoded = known.encoded};
    if (image.encoded.empty())
      image.encoded = read_file(std::filesystem::path(source_) / known.name, archive_limits().entry_bytes);
    decode(image);
    if (!image.failure.empty()) throw error(image.failure);
    visit(std::span<const std::uint8_t>(image.planar));
  }

  /// Image i in [−1, 1], written to `out`, (3, H, W); throws lift::error as with_pixels.
  void normalised(std::size_t i, std::span<float> out) const {
    with_pixels(i, [&](std::span<const std::uint8_t> levels) {
      require(out.size() == levels.size(), "values of an image", out.size(), levels.size());
      std::transform(levels.begin(), levels.end(), out.begin(), from_uint8);
    });
  }

  /// The images of those numbers, one after the other, (B, 3, H, W).
  void normalised(std::span<const std::size_t> numbers, std::span<float> out) const {
    const std::size_t stride = 3 * sides().width * sides().height;
    require(out.size() == numbers.size() * stride, "values of images", out.size(),
            numbers.size() * stride);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      normalised(numbers[i], out.subspan(i * stride, stride));
  }

  /// The names of the classes, printable, in the order of their bytes; none if all images lie in one folder.
  const std::vector<std::string>& classes() const { return classes_; }

  /// The number of the class of image i; none if it lies beside the folders of the classes.
  std::optional<std::size_t> label(std::size_t i) const {
    const std::int32_t number = indexed_ ? indexed_->index().images[i].label : images_[i].label;
    return number < 0 ? std::nullopt : std::optional<std::size_t>(number);
  }

  /// Throws lift::error unless there are two classes or more and every image has one.
  void require_labels() const {
    require(classes_.size() > 1, "classes of " + source_,
            classes_.empty() ? "none" : "only " + quote_name(classes_[0]),
            "images in at least two folders");
    for (std::size_t i = 0; i < size(); ++i) {
      if (!label(i))
        throw error(text("class of ", quote_name(name(i)), " in ", source_,
                         ": got none, want every image in the folder of its class"));
    }
  }

  /// Why each skipped image was skipped; those of an index are met later (on_bad).
  const std::vector<std::string>& bad() const { return bad_; }

  /// The files that are no images by their names, such as "12 other files: .txt 10, .md 2"; empty
  /// if there are none.
  std::string passed_over() const { return indexed_ ? indexed_->index().passed_over : others_.summary(); }

 private:
  struct entry {
    std::string name;
    std::size_t inside = 0;    // how much of the name is that of its tar file
    std::string given = {};    // its class, where a file beside it says so
    std::vector<std::byte> encoded = {};
    std::vector<std::uint8_t> planar = {};
    std::string failure = {};
    bool in_archive = false;
    std::int32_t label = -1;
  };

  void open_index(const std::filesystem::path& file) {
    opened_index opened = open_image_index(file);
    stale_ = std::move(opened.why);
    classes_ = opened.index.classes;
    indexed_ = std::make_shared<indexed_images>(std::move(opened.index), options_.size,
                                                options_.max_bad, options_.on_bad);
  }

  void load_folder(const std::filesystem::path& folder) {
    const folder_files found = list_folder(folder);
    for (const std::string& reason : found.unreadable) take({.name = "", .failure = reason});
    for (const auto& file : found.files) {
      if (is_shard_name(file))
        load_shard(folder / file, file.string() + "/");
      else
        offer<error>({.name = file.string()}, [&] { return read_file(folder / file, archive_limits().entry_bytes); });
    }
  }

  /// The names of its images begin with `before`. One that is no tar file counts as a bad image.
  void load_shard(const std::filesystem::path& file, const std::string& before) {
    std::optional<archive_reader> archive;
    try {
      archive.emplace(file);
    } catch (const error& failure) {
      return take({.name = "", .failure = failure.what()});
    }
    load_archive(std::move(*archive), before);
  }

  void load_archive(archive_reader archive, const std::string& before = "") {
    decode_batch();
    const std::size_t first = images_.size();
    given_classes given;
    while (archive.next()) {
      const std::filesystem::path name = std::filesystem::path(archive.name()).lexically_normal();
      if (archive.place_in_tar() && !is_hidden(name) && given.is_class_name(name))
        given.add(name.string(), archive.read());
      else
        offer<entry_error>({.name = archive.name().empty() ? "" : before + name.string(),
                            .inside = before.size(), .in_archive = true},
                           [&] { return archive.read(); });
    }
    decode_batch();
    for (entry& image : std::span(images_).subspan(first))
      image.given = given.of(std::string_view(image.name).substr(before.size()));
  }

  /// Takes a file if it is an image by its name (or has none), counts it otherwise; it is bad if
  /// `read` throws a `Bad`.
  template <class Bad, class Read>
  void offer(entry image, const Read& read) {
    stoppable::check();
    const std::filesystem::path name = image.name.substr(std::min(image.inside, image.name.size()));
    if (is_hidden(name)) return;
    if (!name.empty() && !is_image_name(name)) return others_.add(name);
    try {
      image.encoded = read();
    } catch (const Bad& failure) {
      image.failure = failure.what();
    }
    take(std::move(image));
  }

  void finish_loading() {
    decode_batch();
    if (images_.empty()) {
      if (!bad_.empty()) throw error(text(bad_[0], " (bad images: ", bad_.size(), ", good: 0)"));
      throw_no_image(source_, passed_over());
    }
    std::stable_sort(images_.begin(), images_.end(),
                     [](const entry& a, const entry& b) { return a.name < b.name; });
    image_classes found = classes_of(
        images_.size(), [this](std::size_t i) { return std::string_view(images_[i].name).substr(images_[i].inside); },
        [this](std::size_t i) { return std::string_view(images_[i].given); });
    classes_ = std::move(found.names);
    for (std::size_t i = 0; i < images_.size(); ++i) images_[i].label = found.labels[i];
  }

  void take(entry image) {
    batch_bytes_ += image.encoded.size();
    batch_.push_back(std::move(image));
    if (batch_bytes_ >= (std::size_t{32} << 20)) decode_batch();
  }

  void decode(entry& image) const {
    if (!image.failure.empty()) return;
    try {
      image.planar =
          to_planar(resize_and_crop(decode_image(image.encoded, image.name), options_.size));
    } catch (const std::bad_alloc&) {
      throw;  // memory that is short is no fault of the image
    } catch (const std::exception& failure) {
      image.failure = failure.what();
    }
  }

  // Assigning {} keeps the memory.
  template <class Bytes>
  static void free_memory(Bytes& bytes) { bytes = Bytes(); }

  // Files are read one after another and decoded a batch at a time, by all threads.
  void decode_batch() {
    default_thread_pool().run(batch_.size(), [this](std::size_t i) {
      entry& image = batch_[i];
      decode(image);
      if (options_.read_again) free_memory(image.planar);
      if (!options_.read_again || !image.in_archive) free_memory(image.encoded);
    });
    for (entry& image : batch_) {
      if (image.failure.empty()) {
        images_.push_back(std::move(image));
        continue;
      }
      bad_.push_back(image.failure);
      if (bad_.size() > options_.max_bad) {
        throw error(text(image.failure, " (bad images: ", bad_.size(), ", allowed ",
                         options_.max_bad, ")"));
      }
    }
    batch_.clear();
    batch_bytes_ = 0;
  }

  std::string source_;
  dataset_options options_;
  std::vector<entry> images_;
  std::vector<std::string> classes_;
  std::vector<std::string> bad_;
  other_files others_;
  std::vector<entry> batch_;
  std::size_t batch_bytes_ = 0;
  std::shared_ptr<indexed_images> indexed_;  // then the images are its
  std::string stale_;
};

/// Writes images as a zip of PNGs that image_dataset reads, whole or not at all; equal images give
/// equal bytes.
inline void save_dataset_zip(output_file file, std::span<const named_image> images) {
  atomic_write(std::move(file), [&](output_file& output) {
    zip_writer zip(output);
    for (const named_image& image : images) zip.add(image.name, encode_png(image.picture));
    zip.finish();
  });
}

}  // namespace lift
