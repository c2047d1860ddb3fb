// SPDX-License-Identifier: MIT
#pragma once

// Sums of the pixels of bfloat16 images with the channels last.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lift/backend/cpu/partial_lanes.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// sums (columns) = the sums of x (rows, columns) over the rows. Pieces of some rows are summed
/// first, cut by shape alone, so that any number of threads gives the same bytes.
inline void bfloat16_sum_rows(std::size_t rows, std::size_t columns, const bfloat16* x,
                              float* sums) {
  constexpr std::size_t most_pieces = 32, least = 16384;  // numbers of a piece
  const std::size_t pieces = std::clamp<std::size_t>(rows * columns / least, 1,
                                                     std::clamp<std::size_t>(rows, 1, most_pieces));
  std::vector<float> parts(pieces * columns);
  default_thread_pool().run(pieces, [&](std::size_t piece) {
    const std::size_t first = piece * rows / pieces, last = (piece + 1) * rows / pieces;
    for_each_lanes<float>(columns, [&](std::size_t c, auto n) {
      xsimd::batch<float> total(0.0f);
      for (std::size_t row = first; row < last; ++row)
        total += load_lanes(x + row * columns + c, n);
      store_lanes(total, parts.data() + piece * columns + c, n);
    });
  });
  std::fill_n(sums, columns, 0.0f);
  for (std::size_t i = 0; i < parts.size(); ++i) sums[i % columns] += parts[i];
}

}  // namespace lift::detail
