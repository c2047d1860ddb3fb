// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/archive.hpp>
#include <lift/io/decode_image.hpp>
#include <lift/io/file.hpp>
#include <lift/io/image.hpp>
#include <lift/io/pixel.hpp>
#include <lift/io/png.hpp>
#include <lift/io/resize.hpp>
#include <lift/io/zip_writer.hpp>

namespace lift {

struct dataset_options {
  std::size_t size = 64;    ///< side of the square images, in pixels
  std::size_t max_bad = 0;  ///< how many unreadable images are skipped before it is an error
  std::size_t threads = 0;  ///< decoding threads; 0 = one per core
};

/// The PNG and JPEG images of a folder (with its subfolders) or of a zip or tar file, each resized
/// and cropped to size × size RGB and kept in memory as (3, size, size) bytes, in the order of
/// their names. Files of other endings and hidden ones are passed over. Throws lift::error if there
/// is no image or more than `max_bad` are bad.
class image_dataset {
 public:
  explicit image_dataset(const std::filesystem::path& source, const dataset_options& options = {})
      : options_(options) {
    require(options_.size > 0, "size of the images", options_.size, "at least 1");
    if (options_.threads == 0) options_.threads = std::max(1u, std::thread::hardware_concurrency());
    std::error_code unknown;  // then reading it says why
    std::filesystem::is_directory(source, unknown) ? load_folder(source) : load_archive(source);
    if (images_.empty()) throw error(text("no PNG or JPEG image in ", source.string()));
    std::stable_sort(images_.begin(), images_.end(),
                     [](const entry& a, const entry& b) { return a.name < b.name; });
  }

  std::size_t size() const { return images_.size(); }
  std::size_t side() const { return options_.size; }
  const std::string& name(std::size_t i) const { return images_[i].name; }

  /// Image i as levels 0 … 255, (3, side, side).
  std::span<const std::uint8_t> pixels(std::size_t i) const { return images_[i].planar; }

  /// Image i in [−1, 1], written to `out`, (3, side, side).
  void normalised(std::size_t i, std::span<float> out) const {
    require(out.size() == pixels(i).size(), "values of an image", out.size(), pixels(i).size());
    std::transform(pixels(i).begin(), pixels(i).end(), out.begin(), from_uint8);
  }

  /// Why each skipped image was skipped.
  const std::vector<std::string>& bad() const { return bad_; }

 private:
  struct entry {
    std::string name;
    std::vector<std::byte> encoded;
    std::vector<std::uint8_t> planar;
    std::string failure;
  };

  static bool is_image_name(const std::filesystem::path& name) {
    std::string ending = name.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool hidden = name.filename().string().starts_with('.');
    return !hidden && (ending == ".png" || ending == ".jpg" || ending == ".jpeg");
  }

  void load_folder(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    try {
      for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
        if (is_image_name(file.path()) && file.is_regular_file()) files.push_back(file.path());
      }
    } catch (const std::filesystem::filesystem_error& failure) {
      throw error(text("cannot read ", folder.string(), ": ", failure.code().message()));
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) take(file.lexically_relative(folder).string(), read_file(file));
    decode_batch();
  }

  void load_archive(const std::filesystem::path& file) {
    for (archive_reader archive(file); archive.next();) {
      if (is_image_name(archive.name())) take(archive.name(), archive.read());
    }
    decode_batch();
  }

  void take(std::string name, std::vector<std::byte> encoded) {
    batch_bytes_ += encoded.size();
    batch_.push_back({std::move(name), std::move(encoded), {}, {}});
    if (batch_bytes_ >= (std::size_t{32} << 20)) decode_batch();
  }

  void decode(entry& image) const {
    try {
      image.planar =
          to_planar(resize_and_crop(decode_image(image.encoded, image.name), options_.size));
    } catch (const std::exception& failure) {
      image.failure = failure.what();
    }
    image.encoded = {};
  }

  // Files are read one after another and decoded a batch at a time, by all threads.
  void decode_batch() {
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < batch_.size(); i = next++) decode(batch_[i]);
    };
    {
      std::vector<std::jthread> helpers;
      for (std::size_t i = 1; i < std::min(options_.threads, batch_.size()); ++i)
        helpers.emplace_back(work);
      work();
    }
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

  dataset_options options_;
  std::vector<entry> images_;
  std::vector<std::string> bad_;
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
