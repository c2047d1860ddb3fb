// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <ios>
#include <span>
#include <string>
#include <vector>

#include <lift/core/random.hpp>
#include <lift/io/checksum.hpp>
#include <lift/io/dataset.hpp>

#include "any_network.hpp"
#include "report.hpp"

namespace lift::cli {

inline constexpr const char* data_help =
    "Folder, zip or tar file of images (PNG, JPEG, WebP, BMP, GIF)";

/// The flags that name a data set.
struct data_options {
  path source;
  std::size_t max_bad = 0;

  void add(CLI::App& app) {
    option(app, "--data", source, data_help)->required();
    number_option(app, "--max-bad", max_bad, "Unreadable images to skip before giving up",
                  from_zero);
  }

  /// Reads the images at the given size and says what was skipped or passed over.
  image_dataset load(const session& s, std::size_t size) const { return load(s, source, size); }

  image_dataset load(const session& s, const path& from, std::size_t size) const {
    image_dataset data(from, {.size = size, .max_bad = max_bad});
    for (const std::string& reason : data.bad()) warn("skipped ", reason);
    if (const std::string others = data.passed_over(); !others.empty())
      remark(s, "Passed over ", others);
    return data;
  }
};

/// A number of the pixels of the first `count` images, so that others are not taken for them.
inline std::string fingerprint(const image_dataset& data, std::size_t count) {
  checksum sum;
  for (std::size_t i = 0; i < count; ++i) sum.add(std::as_bytes(data.pixels(i)));
  return text(std::hex, sum.value());
}

/// Writes the images of those numbers, in [−1, 1], one after the other.
inline void read_images(const image_dataset& data, std::span<const std::size_t> numbers,
                        std::span<float> values) {
  const std::size_t stride = 3 * data.side() * data.side();
  for (std::size_t i = 0; i < numbers.size(); ++i)
    data.normalised(numbers[i], values.subspan(i * stride, stride));
}

/// The images of those numbers as one tensor in [−1, 1], (B, 3, S, S).
inline tensor_type to_tensor(const image_dataset& data, std::span<const std::size_t> numbers) {
  const shape dims{numbers.size(), 3, data.side(), data.side()};
  std::vector<float> values(dims.size());
  read_images(data, numbers, values);
  return tensor_type(dims, values);
}

/// `count` images drawn at random without repetition, or all of them if there are fewer.
inline tensor_type random_images(const image_dataset& data, std::size_t count,
                                 std::uint64_t seed) {
  const random_stream stream{.seed = seed, .use = purpose::data_order, .scale = 1};
  std::vector<std::size_t> numbers = random_permutation(stream, data.size());
  if (data.size() < count)
    warn("the data set has ", data.size(), " images, not ", count, ": all are used");
  numbers.resize(std::min(count, data.size()));
  return to_tensor(data, numbers);
}

}  // namespace lift::cli
