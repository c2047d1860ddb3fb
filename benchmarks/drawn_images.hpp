// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/dataset.hpp>

#include "../tests/metric/corruption.hpp"

namespace lift::bench {

/// Two sets of images drawn at random from one data set, none in both.
struct drawn_images {
  corruption::image_set real, other;

  /// Throws lift::error where there are fewer than 2·count.
  drawn_images(const image_dataset& dataset, std::size_t count)
      : real{count, dataset.sides().width}, other{count, dataset.sides().width} {
    require(dataset.size() >= 2 * count, "images for two halves", dataset.size(), text("at least ", 2 * count));
    std::vector<std::size_t> order(dataset.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937(0));
    for (std::size_t n = 0; n < 2 * count; ++n) {
      corruption::image_set& to = n < count ? real : other;
      dataset.normalised(order[n], std::span(to.image(n % count), 3 * to.pixels()));
    }
  }
};

}  // namespace lift::bench
