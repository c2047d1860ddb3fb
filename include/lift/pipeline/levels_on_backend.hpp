// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lift/backend/index_divider.hpp>
#include <lift/io/dataset.hpp>
#include <lift/io/pixel.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

namespace kernel {
/// Element i of a batch of images, gathered from the levels of all.
template <class T>
struct gather_levels {
  T* out;
  const std::uint8_t* levels;
  const std::size_t* numbers;
  index_divider image;  // elements of one

  LIFT_HD void operator()(std::size_t i) const {
    auto b = static_cast<std::uint32_t>(i);
    const std::uint32_t element = image.split(b);
    out[i] = static_cast<T>(from_uint8(levels[numbers[b] * image.divisor() + element]));
  }
};
}  // namespace kernel

/// The first images of a data set as levels 0 … 255 in the backend's memory, a byte each, from which
/// batches are gathered there.
template <class Tensor>
class levels_on_backend {
  using Backend = typename Tensor::backend_type;

 public:
  /// Reads `count` images; throws lift::error as image_dataset::with_pixels.
  levels_on_backend(const image_dataset& data, std::size_t count)
      : count_(count),
        image_{3, data.sides().height, data.sides().width},
        levels_(count * image_.size()) {
    // Some megabytes at a time.
    const std::size_t at_once = std::max<std::size_t>(1, (std::size_t{4} << 20) / image_.size());
    std::vector<std::uint8_t> some;
    for (std::size_t first = 0; first < count; first += at_once) {
      some.clear();
      for (std::size_t i = first; i < std::min(count, first + at_once); ++i)
        data.with_pixels(i, [&](std::span<const std::uint8_t> pixels) {
          some.insert(some.end(), pixels.begin(), pixels.end());
        });
      Backend::copy_in(levels_.data() + first * image_.size(), std::span<const std::uint8_t>(some));
    }
  }

  /// The images of those numbers in [−1, 1], (B, 3, H, W).
  Tensor operator()(std::span<const std::size_t> numbers) const {
    for (const std::size_t i : numbers)
      require(i < count_, "number of an image", i, text("below ", count_));
    typename Backend::template buffer<std::size_t> there(numbers.size());
    Backend::copy_in(there.data(), numbers);
    Tensor batch(shape{numbers.size(), image_[0], image_[1], image_[2]});
    Backend::for_each(batch.size(),
                      kernel::gather_levels<typename Tensor::value_type>{
                          batch.mutable_data(), levels_.data(), there.data(),
                          index_divider(image_.size())});
    return batch;
  }

 private:
  std::size_t count_;
  shape image_;
  typename Backend::template buffer<std::uint8_t> levels_;
};

}  // namespace lift
