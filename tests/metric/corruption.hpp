// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <lift/metric/image_batch_view.hpp>

// Ways to spoil images, each graded, on which the default features are shown to tell good from bad.
namespace corruption {

/// Square RGB images in [-1, 1], laid out (count, 3, size, size).
struct image_set {
  std::size_t count, size;
  std::vector<float> values = std::vector<float>(count * 3 * size * size);

  std::size_t pixels() const { return size * size; }
  float* image(std::size_t n) { return values.data() + n * 3 * pixels(); }
  const float* image(std::size_t n) const { return values.data() + n * 3 * pixels(); }
  lift::image_batch_view view() const { return {values, count, 3, size, size}; }
};

/// Normal noise of standard deviation `sigma` on every value, clipped to [-1, 1].
inline image_set noise(image_set images, double sigma) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, static_cast<float>(sigma));
  for (float& value : images.values) value = std::clamp(value + normal(random), -1.0F, 1.0F);
  return images;
}

/// Gaussian blur of `sigma` pixels, edges repeated.
inline image_set blur(image_set images, double sigma) {
  const int reach = static_cast<int>(std::ceil(3 * sigma)), size = static_cast<int>(images.size);
  std::vector<float> taps;
  for (int i = -reach; i <= reach; ++i)
    taps.push_back(static_cast<float>(std::exp(-i * i / (2 * sigma * sigma))));
  const float sum = std::accumulate(taps.begin(), taps.end(), 0.0F);
  std::vector<float> line(images.size);
  const auto blur_line = [&](float* first, int stride) {
    for (int i = 0; i < size; ++i) line[static_cast<std::size_t>(i)] = first[i * stride];
    for (int i = 0; i < size; ++i) {
      float value = 0;
      for (int k = -reach; k <= reach; ++k)
        value += taps[static_cast<std::size_t>(k + reach)] *
                 line[static_cast<std::size_t>(std::clamp(i + k, 0, size - 1))];
      first[i * stride] = value / sum;
    }
  };
  for (std::size_t plane = 0; plane < 3 * images.count; ++plane) {
    float* const first = images.values.data() + plane * images.pixels();
    for (int i = 0; i < size; ++i) blur_line(first + i * size, 1);
    for (int i = 0; i < size; ++i) blur_line(first + i, size);
  }
  return images;
}

/// Every image replaced by the mean of all.
inline image_set mean_image(image_set images) {
  const std::size_t length = 3 * images.pixels();
  for (std::size_t i = 0; i < length; ++i) {
    double sum = 0;
    for (std::size_t n = 0; n < images.count; ++n) sum += images.image(n)[i];
    const auto mean = static_cast<float>(sum / static_cast<double>(images.count));
    for (std::size_t n = 0; n < images.count; ++n) images.image(n)[i] = mean;
  }
  return images;
}

/// The square patches of each image, `per_side` of them across and down, in random order.
inline image_set shuffle_patches(const image_set& images, double per_side) {
  std::mt19937 random(2);
  image_set result = images;
  const auto across = static_cast<std::size_t>(per_side);
  const std::size_t side = images.size / across;
  std::vector<std::size_t> order(across * across);
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t n = 0; n < images.count; ++n) {
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t to = 0; to < order.size(); ++to)
      for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t y = 0; y < side; ++y) {
          const auto row_of = [&](std::size_t patch) {
            return c * images.pixels() + (patch / across * side + y) * images.size +
                   patch % across * side;
          };
          std::copy_n(images.image(n) + row_of(order[to]), side, result.image(n) + row_of(to));
        }
  }
  return result;
}

/// A constant added to red and taken from blue, clipped to [-1, 1].
inline image_set shift_colour(image_set images, double shift) {
  const auto step = static_cast<float>(shift);
  for (std::size_t n = 0; n < images.count; ++n)
    for (std::size_t i = 0; i < images.pixels(); ++i) {
      float& red = images.image(n)[i];
      float& blue = images.image(n)[2 * images.pixels() + i];
      red = std::min(red + step, 1.0F);
      blue = std::max(blue - step, -1.0F);
    }
  return images;
}

/// Each image turned about its centre by an angle that falls from `radians` there to 0 at the rim.
inline image_set swirl(const image_set& images, double radians) {
  image_set result = images;
  const double centre = static_cast<double>(images.size - 1) / 2;
  for (std::size_t y = 0; y < images.size; ++y)
    for (std::size_t x = 0; x < images.size; ++x) {
      const double dx = static_cast<double>(x) - centre, dy = static_cast<double>(y) - centre;
      const double angle = radians * std::max(0.0, 1 - std::hypot(dx, dy) / centre);
      const auto pixel = [&](double offset) {
        return static_cast<std::size_t>(std::lround(std::clamp(centre + offset, 0.0, 2 * centre)));
      };
      const std::size_t from = pixel(dx * std::sin(angle) + dy * std::cos(angle)) * images.size +
                               pixel(dx * std::cos(angle) - dy * std::sin(angle));
      for (std::size_t plane = 0; plane < 3 * images.count; ++plane)
        result.values[plane * images.pixels() + y * images.size + x] =
            images.values[plane * images.pixels() + from];
    }
  return result;
}

/// A black square on each image at a random place, its side the given fraction of the image's.
inline image_set cover(image_set images, double fraction) {
  std::mt19937 random(3);
  const auto side = static_cast<std::size_t>(fraction * static_cast<double>(images.size));
  std::uniform_int_distribution<std::size_t> place(0, images.size - side);
  for (std::size_t n = 0; n < images.count; ++n) {
    const std::size_t left = place(random), top = place(random);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t y = top; y < top + side; ++y)
        std::fill_n(images.image(n) + c * images.pixels() + y * images.size + left, side, -1.0F);
  }
  return images;
}

/// The given share of the images replaced by copies of the others: a generator that has lost modes.
inline image_set repeat(image_set images, double share) {
  const auto copies = static_cast<std::size_t>(share * static_cast<double>(images.count));
  const std::size_t distinct = images.count - copies;
  for (std::size_t n = distinct; n < images.count; ++n)
    std::copy_n(images.image(n % distinct), 3 * images.pixels(), images.image(n));
  return images;
}

/// Each image mixed with the next, which has the given weight: ghosts.
inline image_set blend(const image_set& images, double weight) {
  image_set result = images;
  for (std::size_t n = 0; n < images.count; ++n) {
    const float* next = images.image((n + 1) % images.count);
    for (std::size_t i = 0; i < 3 * images.pixels(); ++i)
      result.image(n)[i] += static_cast<float>(weight) * (next[i] - result.image(n)[i]);
  }
  return result;
}

/// The given share of `images` replaced by those of `other`.
inline image_set replace(image_set images, const image_set& other, double share) {
  const auto number = static_cast<std::size_t>(share * static_cast<double>(images.count));
  std::copy_n(other.values.begin(), number * 3 * images.pixels(), images.values.begin());
  return images;
}

/// One way to spoil images, from mild to strong.
struct family {
  std::string name;
  std::vector<double> grades;
  std::function<image_set(const image_set&, double)> apply;
};

inline std::vector<family> families() {
  using set = image_set;
  return {
      {"Gaussian blur, σ in pixels", {0.5, 1, 2}, blur},
      {"noise, σ", {0.05, 0.1, 0.2}, noise},
      {"every image the mean of all", {1}, [](const set& x, double) { return mean_image(x); }},
      {"shuffled patches, number per side", {2, 4, 8}, shuffle_patches},
      {"red plus, blue minus", {0.1, 0.2, 0.4}, shift_colour},
      {"swirl, radians at the centre", {1, 2, 4}, swirl},
      {"black square, its side over the image's", {0.25, 0.5}, cover},
      {"mixed with the next image, its weight", {0.25, 0.5}, blend},
      {"copies of other images, their share", {0.9, 0.98}, repeat},
      {"share with blur of 2 pixels",
       {0.1, 0.3, 0.5},
       [](const set& x, double share) { return replace(x, blur(x, 2), share); }},
      {"share with noise of 0.2",
       {0.1, 0.3, 0.5},
       [](const set& x, double share) { return replace(x, noise(x, 0.2), share); }},
  };
}

}  // namespace corruption
