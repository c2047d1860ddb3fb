// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include <lift/io/dataset.hpp>

#include "engine.hpp"
#include "report.hpp"

namespace lift::cli {

inline constexpr const char* data_help =
    "Folder, zip or tar file of images (PNG, JPEG, WebP, BMP, GIF), or an index of them";

/// The flags that name a data set.
struct data_options {
  path source;
  std::size_t max_bad = 0;

  void add(CLI::App& app, bool required = true);

  /// Reads the images at the given size and says what was skipped or passed over.
  image_dataset load(const session& s, const image_size& size) const {
    return load(s, source, size);
  }
  image_dataset load(const session& s, const path& from, const image_size& size, bool read_again = false) const;
  /// The same for a measure, which sees each image about once: where they are large they are read again
  /// rather than kept in memory.
  image_dataset load_to_measure(const session& s, const path& from, const image_size& size) const {
    return load(s, from, size, size.width * size.height > 128 * 128);
  }
};

/// A number of the pixels of the first `count` images, and of their labels where these count, so
/// that others are not taken for them; where an index lists them, of what it says of them.
std::string fingerprint(const image_dataset& data, std::size_t count, bool labels = false);

/// The images of those numbers in one array in [−1, 1], (B, 3, H, W).
host_array to_array(const image_dataset& data, std::span<const std::size_t> numbers);

/// `count` images drawn at random without repetition, or all of them if there are fewer.
host_array random_images(const image_dataset& data, std::size_t count, std::uint64_t seed);

}  // namespace lift::cli
