// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>

#include <lift/backend/cpu/block_transpose.hpp>
#include <lift/backend/cpu/partial_lanes.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// A matrix (rows, columns) of an image, transposed and stored as another type.
template <class To, class From>
class transposed_matrix {
  using number = accumulator_t<To>;
  static constexpr std::size_t n = lanes<number>;

 public:
  /// Nothing from `end` on is read.
  transposed_matrix(std::size_t rows, std::size_t columns, const From* from, const From* end,
                    To* to)
      : rows_(rows), columns_(columns), from_(from), end_(end), to_(to) {}

  /// Columns [first, last), which are rows of the result.
  void write(std::size_t first, std::size_t last) const {
    for (; first < last; first += n)
      for (std::size_t row = 0; row < rows_; row += n)
        write_block(row, std::min(n, rows_ - row), first, std::min(n, last - first));
  }

 private:
  void write_block(std::size_t row, std::size_t rows, std::size_t column,
                   std::size_t columns) const {
    block<number> x;
    for (std::size_t i = 0; i < n; ++i)
      x[i] = i < rows ? load(from_ + (row + i) * columns_ + column, columns) : simd_lanes<To>(0);
    transpose<number>(x);
    for (std::size_t j = 0; j < columns; ++j) {
      To* const to = to_ + (column + j) * rows_ + row;
      // What is written behind a short row is overwritten by the next ones.
      if (rows_ < n && (columns - j) * rows_ >= n)
        store_lanes(x[j], to);
      else
        store_lanes(x[j], to, rows);
    }
  }
  simd_lanes<To> load(const From* at, std::size_t count) const {
    return load_lanes(at, static_cast<std::size_t>(end_ - at) >= n ? n : count);
  }

  std::size_t rows_, columns_;
  const From *from_, *end_;
  To* to_;
};

/// Writes matrices of rows × columns elements, one after another, transposed.
template <class To, class From>
void write_transposed(std::size_t matrices, std::size_t rows, std::size_t columns, const From* from,
                      To* to) {
  const std::size_t size = rows * columns, wanted = std::size_t{1} << 14;
  if (size == 0) return;
  // Many small matrices in a task, or some columns of a large one.
  const std::size_t at_once = std::max<std::size_t>(1, wanted / size);
  const std::size_t width =
      std::min(columns, round_up(ceil_div(wanted, rows), lanes<accumulator_t<To>>));
  const std::size_t parts = ceil_div(columns, width);
  default_thread_pool().run(ceil_div(matrices, at_once) * parts, [&](std::size_t task) {
    const std::size_t first = task / parts * at_once, column = task % parts * width;
    for (std::size_t i = first; i < std::min(matrices, first + at_once); ++i)
      transposed_matrix<To, From>(rows, columns, from + i * size, from + matrices * size,
                                  to + i * size)
          .write(column, std::min(columns, column + width));
  });
}

}  // namespace lift::detail
