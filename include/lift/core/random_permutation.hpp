// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lift/core/random.hpp>

namespace lift {

/// A uniformly random order of 0 … n − 1 (Fisher–Yates), the stream's sample 0.
inline std::vector<std::size_t> random_permutation(const random_stream& stream, std::size_t n) {
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  for (std::size_t i = n; i > 1; --i)
    std::swap(order[i - 1], order[stream.below(static_cast<std::uint32_t>(i), 0, i)]);
  return order;
}

}  // namespace lift
