// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <new>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/printable.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/io/archive.hpp>
#include <lift/io/decode_image.hpp>
#include <lift/io/file.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/folder_files.hpp>
#include <lift/io/image.hpp>
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
  /// memory; of a folder nothing is, of an archive the images' files.
  bool read_again = false;
};

/// The PNG, JPEG, WebP, BMP and GIF images of a folder (with those below it, linked ones too) or of
/// a zip or tar file, each turned upright, resized and cropped to `size` in RGB and kept in
/// memory as (3, H, W) bytes unless they are to be read again, in the order of their names. Hidden files are not read; files
/// of other endings are counted. The class of an image is the first folder of its name, after the
/// leading folders that all images share. Throws lift::error if there is no image or more than
/// `max_bad` are bad.
class image_dataset {
 public:
  explicit image_dataset(const std::filesystem::path& source, const dataset_options& options = {})
      : source_(source.string()), options_(options) {
    require(options_.size.width > 0 && options_.size.height > 0, "size of the images",
            options_.size, "at least 1");
    std::error_code unknown;  // then reading it says why
    from_folder_ = std::filesystem::is_directory(source, unknown);
    from_folder_ ? load_folder(source) : load_archive(source);
    decode_batch();
    if (images_.empty()) {
      if (!bad_.empty()) throw error(text(bad_[0], " (bad images: ", bad_.size(), ", good: 0)"));
      const std::string others = passed_over();
      throw error(text("no ", image_formats, " image in ", source.string(),
                       others.empty() ? "" : " but " + others));
    }
    std::stable_sort(images_.begin(), images_.end(),
                     [](const entry& a, const entry& b) { return a.name < b.name; });
    find_classes();
  }

  std::size_t size() const { return images_.size(); }
  const image_size& sides() const { return options_.size; }
  const std::string& name(std::size_t i) const { return images_[i].name; }

  /// Image i as levels 0 … 255, (3, H, W), where they are kept in memory.
  std::span<const std::uint8_t> pixels(std::size_t i) const { return images_[i].planar; }

  /// Calls visit(image i as levels 0 … 255, (3, H, W)), from memory or read again; throws lift::error
  /// where its file is no longer what it was.
  template <class Visit>
  void with_pixels(std::size_t i, const Visit& visit) const {
    if (!options_.read_again) return visit(pixels(i));
    const entry& known = images_[i];
    entry image{known.name, known.encoded, {}, {}};
    if (from_folder_)
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
  std::optional<std::size_t> label(std::size_t i) const { return images_[i].label; }

  /// Throws lift::error unless there are two classes or more and every image has one.
  void require_labels() const {
    require(classes_.size() > 1, "classes of " + source_,
            classes_.empty() ? "none" : "only " + quote_name(classes_[0]),
            "images in at least two folders");
    const auto outside =
        std::ranges::find_if(images_, [](const entry& image) { return !image.label.has_value(); });
    if (outside != images_.end()) {
      throw error(text("class of ", quote_name(outside->name), " in ", source_,
                       ": got none, want every image in the folder of its class"));
    }
  }

  /// Why each skipped image was skipped.
  const std::vector<std::string>& bad() const { return bad_; }

  /// The files that are no images by their names, such as "12 other files: .txt 10, .md 2"; empty
  /// if there are none.
  std::string passed_over() const {
    std::vector<std::pair<std::size_t, std::string>> endings;
    std::size_t all = 0;
    for (const auto& [ending, count] : others_) {
      endings.emplace_back(count, ending);
      all += count;
    }
    if (all == 0) return "";
    std::ranges::stable_sort(endings, std::greater<>(),
                             &std::pair<std::size_t, std::string>::first);
    std::string result = text(all, all == 1 ? " other file: " : " other files: ");
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < endings.size() && i < shown; ++i)
      result += text(i == 0 ? "" : ", ", endings[i].second, " ", endings[i].first);
    return result + (endings.size() > shown ? ", …" : "");
  }

 private:
  struct entry {
    std::string name;
    std::vector<std::byte> encoded;
    std::vector<std::uint8_t> planar;
    std::string failure;
    std::optional<std::size_t> label = {};
  };

  void load_folder(const std::filesystem::path& folder) {
    const folder_files found = list_folder(folder);
    for (const std::string& reason : found.unreadable) take({"", {}, {}, reason});
    for (const auto& file : found.files)
      offer<error>(file, [&] { return read_file(folder / file, archive_limits().entry_bytes); });
  }

  void load_archive(const std::filesystem::path& file) {
    for (archive_reader archive(file); archive.next();)
      offer<entry_error>(archive.name(), [&] { return archive.read(); });
  }

  /// Takes a file if it is an image by its name (or has none), counts it otherwise; it is bad if
  /// `read` throws a `Bad`.
  template <class Bad, class Read>
  void offer(const std::filesystem::path& name, const Read& read) {
    stoppable::check();
    if (is_hidden(name)) return;
    const std::string ending = in_small_letters(name.extension().string());
    constexpr std::string_view endings[] = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"};
    if (!name.empty() && std::ranges::find(endings, ending) == std::end(endings)) {
      const bool plain =
          ending.size() > 1 && ending.size() <= 9 &&
          ending.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", 1) == ending.npos;
      ++others_[plain ? ending : "others"];
      return;
    }
    entry image{name.lexically_normal().string(), {}, {}, {}};
    try {
      image.encoded = read();
    } catch (const Bad& failure) {
      image.failure = failure.what();
    }
    take(std::move(image));
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
      if (!options_.read_again || from_folder_) free_memory(image.encoded);
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

  // Images are sorted, so the folders that the first and the last name share are shared by all.
  void find_classes() {
    const std::string &first = images_.front().name, &last = images_.back().name;
    const auto differ = std::ranges::mismatch(first, last).in1;
    const std::size_t shared = std::string(first.begin(), differ).rfind('/') + 1;  // npos + 1 is 0
    const auto folder = [shared](const entry& image) {
      const std::size_t end = image.name.find('/', shared);
      return end == image.name.npos ? "" : image.name.substr(shared, end - shared);
    };
    std::map<std::string, std::size_t> numbers;
    for (const entry& image : images_) numbers.emplace(folder(image), 0);
    numbers.erase("");
    for (auto& [name, number] : numbers) {
      number = classes_.size();
      classes_.push_back(printable(name));
    }
    for (entry& image : images_) {
      const auto found = numbers.find(folder(image));
      if (found != numbers.end()) image.label = found->second;
    }
  }

  std::string source_;
  bool from_folder_ = false;
  dataset_options options_;
  std::vector<entry> images_;
  std::vector<std::string> classes_;
  std::vector<std::string> bad_;
  std::map<std::string, std::size_t> others_;  // by their endings
  std::vector<entry> batch_;
  std::size_t batch_bytes_ = 0;
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
