// SPDX-License-Identifier: MIT

#include "images.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <lift/core/digits.hpp>
#include <lift/core/random_permutation.hpp>
#include <lift/io/checksum.hpp>

namespace lift::cli {

void data_options::add(CLI::App& app, bool required) {
  option(app, "--data", source, data_help)->required(required);
  max_bad_option(app, max_bad);
}

image_dataset data_options::load(const session& s, const path& from, const image_size& size, bool read_again) const {
  image_dataset data(from, {.size = size,
                            .max_bad = max_bad,
                            .read_again = read_again,
                            .on_bad = [](const std::string& why) { warn_here("passed over ", why); }});
  for (const std::string& reason : data.bad()) warn("skipped ", reason);
  if (const std::string& why = data.index_was_stale(); !why.empty())
    remark(s, "Indexed ", data.index()->source.string(), " anew: ", why);
  if (const std::string others = data.passed_over(); !others.empty())
    remark(s, "Passed over ", others);
  return data;
}

std::string fingerprint(const image_dataset& data, std::size_t count, bool labels) {
  if (data.index()) return "files " + data.index()->fingerprint(count);
  checksum sum;
  for (std::size_t i = 0; i < count; ++i) {
    data.with_pixels(i, [&](std::span<const std::uint8_t> levels) { sum.add(std::as_bytes(levels)); });
    if (labels) sum.add(text(data.label(i).value_or(data.classes().size())));
  }
  return hexadecimal(sum.value());
}

host_array to_array(const image_dataset& data, std::span<const std::size_t> numbers) {
  const shape dims{numbers.size(), 3, data.sides().height, data.sides().width};
  std::vector<float> values(dims.size());
  data.normalised(numbers, values);
  return {dims, std::move(values)};
}

host_array random_images(const image_dataset& data, std::size_t count, std::uint64_t seed) {
  const random_stream stream{.seed = seed, .use = purpose::data_order, .scale = 1};
  std::vector<std::size_t> numbers = random_permutation(stream, data.size());
  if (data.size() < count)
    warn("the data set has ", data.size(), " images, not ", count, ": all are used");
  numbers.resize(std::min(count, data.size()));
  return to_array(data, numbers);
}

}  // namespace lift::cli
