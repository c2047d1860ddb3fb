// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <lift/core/resample_taps.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/metric/image_batch_view.hpp>

namespace lift {

/// How images are brought to the size that a network takes.
enum class resampling {
  bilinear,            ///< between the nearest pixels, without antialiasing: PyTorch's default
  antialiased_bicubic  ///< as Pillow resizes images of floating-point numbers
};

/// What becomes of images (B, 3, H, W) in [−1, 1], red first, before a network sees them: they are
/// resized, and channel c of the network is (x − mean_c)/deviation_c of channel order_c.
struct input_preparation {
  std::size_t size = 0;  ///< the side of a square in pixels; 0 = images stay as large as they are
  lift::resampling resampling = resampling::bilinear;
  std::array<double, 3> mean = {0, 0, 0}, deviation = {1, 1, 1};
  std::array<std::size_t, 3> order = {0, 1, 2};
};

/// The input of torchvision's classifiers: the mean and deviation of ImageNet in [0, 1] are
/// (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225).
constexpr input_preparation imagenet_input(std::size_t size) {
  return {.size = size,
          .mean = {2 * 0.485 - 1, 2 * 0.456 - 1, 2 * 0.406 - 1},
          .deviation = {2 * 0.229, 2 * 0.224, 2 * 0.225}};
}

namespace detail {

using float_taps = std::vector<resample_taps<double>>;

inline float_taps taps_of(resampling how, std::size_t from, std::size_t to) {
  require(from > 0, "pixels of a side of an image", from, "at least 1");
  if (how == resampling::bilinear) return interpolation_taps(from, to);
  return antialiased_taps(cubic_filter{}, from, to, {0, to});
}

/// Resamples one plane, rows first and rounding them to float between, as Pillow does.
inline void resample_plane(std::span<const float> plane, std::size_t height, const float_taps& rows,
                           const float_taps& columns, std::span<float> to) {
  const std::size_t width = columns.size(), from_width = plane.size() / height;
  std::vector<float> narrowed(height * width);
  for (std::size_t i = 0; i < height; ++i)
    for (std::size_t j = 0; j < width; ++j) {
      const auto& [first, weights] = columns[j];
      double sum = 0;
      for (std::size_t k = 0; k < weights.size(); ++k)
        sum += weights[k] * plane[i * from_width + first + k];
      narrowed[i * width + j] = static_cast<float>(sum);
    }
  std::vector<double> sums(width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sums.assign(width, 0);
    const auto& [first, weights] = rows[i];
    for (std::size_t k = 0; k < weights.size(); ++k)
      for (std::size_t j = 0; j < width; ++j)
        sums[j] += weights[k] * narrowed[(first + k) * width + j];
    for (std::size_t j = 0; j < width; ++j) to[i * width + j] = static_cast<float>(sums[j]);
  }
}

}  // namespace detail

/// The images (B, 3, H, W) as a network takes them, made by all threads of the default pool. Throws
/// lift::error for images that have not three channels or come to be smaller than `least_size`.
template <class Tensor>
Tensor prepared(const input_preparation& how, const image_batch_view& images,
                std::size_t least_size = 1) {
  require(images.channels == 3, "channels of images for a network of features", images.channels, 3);
  const image_batch_view all = images.part(0, images.count);
  const std::size_t height = how.size ? how.size : all.height, width = how.size ? how.size : all.width;
  require(std::min(height, width) >= least_size, "smaller side of images for a network of features",
          std::min(height, width), text("at least ", least_size));
  const std::size_t from = all.height * all.width, to = height * width;
  const auto rows = detail::taps_of(how.resampling, all.height, height);
  const auto columns = detail::taps_of(how.resampling, all.width, width);
  std::vector<typename Tensor::value_type> result(all.count * 3 * to);
  default_thread_pool().run(all.count * 3, [&](std::size_t k) {
    const std::size_t image = k / 3, c = k % 3;
    const auto plane = all.values.subspan((image * 3 + how.order[c]) * from, from);
    std::vector<float> resampled(to);
    detail::resample_plane(plane, all.height, rows, columns, resampled);
    std::ranges::transform(resampled, result.begin() + static_cast<std::ptrdiff_t>(k * to), [&](float x) {
      return static_cast<typename Tensor::value_type>((x - how.mean[c]) / how.deviation[c]);
    });
  });
  return Tensor({all.count, 3, height, width}, result);
}

}  // namespace lift
