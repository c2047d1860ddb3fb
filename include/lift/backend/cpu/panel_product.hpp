// SPDX-License-Identifier: MIT
#pragma once

// Matrix products in registers: what the convolutions and attention of the CPU backend are made of.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <lift/backend/cpu/block_transpose.hpp>
#include <lift/backend/cpu/work_space.hpp>

namespace lift::detail {

/// The left factor of a product: element (i, k) is data[i·row + k·step].
template <class T>
struct left_matrix {
  const T* data;
  std::size_t row, step;
};

/// What becomes of a product: C = alpha·A·B, added to the old C or not, plus a number for each row.
template <class T>
struct epilogue {
  T alpha = 1;
  bool add = false;
  const T* bias = nullptr;
};

/// A panel of a product: at most panel_width columns of B and C. Rows of B are read to the full
/// width of the vectors that hold the columns.
template <class T>
struct panel {
  const T* b;
  T* c;
  std::size_t columns;
};

/// Columns of a panel: two vectors.
template <class T>
inline constexpr std::size_t panel_width = 2 * lanes<T>;

/// Rows of C that are summed up in registers at once: 16 accumulators of AVX-512's 32 registers, 8
/// of AVX2's 16. Either hides the latency of two multiply-adds a cycle.
template <class T>
inline constexpr std::size_t row_block = sizeof(xsimd::batch<T>) >= 64 ? 8 : 4;

/// Terms of a sum taken at once, so that the panels of B stay in the second-level cache.
inline constexpr std::size_t depth_block = 1024;

/// C (Rows, columns) from `depth` terms, in Rows × Vectors registers.
template <std::size_t Rows, std::size_t Vectors, class T>
void panel_rows(std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                const panel<T>& p, std::size_t c_row, const epilogue<T>& end) {
  using batch = xsimd::batch<T>;
  std::array<std::array<batch, Vectors>, Rows> sums;
  std::array<const T*, Rows> rows;
#pragma GCC unroll 16
  for (std::size_t i = 0; i < Rows; ++i) {
    rows[i] = a.data + i * a.row;
    sums[i].fill(batch(T(0)));
  }
  const T* b = p.b;
  for (std::size_t k = 0; k < depth; ++k, b += b_row) {
    std::array<batch, Vectors> right;
#pragma GCC unroll 4
    for (std::size_t j = 0; j < Vectors; ++j)
      right[j] = batch::load_unaligned(b + j * batch::size);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < Rows; ++i) {
      const batch left(rows[i][k * a.step]);
#pragma GCC unroll 4
      for (std::size_t j = 0; j < Vectors; ++j)
        sums[i][j] = xsimd::fma(left, right[j], sums[i][j]);
    }
  }
  const bool whole = p.columns == Vectors * batch::size;
#pragma GCC unroll 16
  for (std::size_t i = 0; i < Rows; ++i) {
    T* const c = p.c + i * c_row;
    const T bias = end.bias ? end.bias[i] : T(0);
    if (whole) {
#pragma GCC unroll 4
      for (std::size_t j = 0; j < Vectors; ++j) {
        T* const to = c + j * batch::size;
        const batch old = end.add ? batch::load_unaligned(to) : batch(T(0));
        (xsimd::fma(batch(end.alpha), sums[i][j], old) + batch(bias)).store_unaligned(to);
      }
    } else {
      alignas(64) std::array<T, Vectors * batch::size> row;
      for (std::size_t j = 0; j < Vectors; ++j)
        sums[i][j].store_aligned(row.data() + j * batch::size);
      for (std::size_t j = 0; j < p.columns; ++j)
        c[j] = end.alpha * row[j] + (end.add ? c[j] : T(0)) + bias;
    }
  }
}

/// panel_rows for a number of rows and vectors known only when it runs.
template <class T>
void panel_rows(std::size_t rows, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                const panel<T>& p, std::size_t c_row, const epilogue<T>& end) {
  using kernel = void (*)(std::size_t, const left_matrix<T>&, std::size_t, const panel<T>&,
                          std::size_t, const epilogue<T>&);
  static constexpr auto kernels = []<std::size_t... R>(std::index_sequence<R...>) {
    return std::array<std::array<kernel, 2>, sizeof...(R)>{
        {{panel_rows<R + 1, 1, T>, panel_rows<R + 1, 2, T>}...}};
  }(std::make_index_sequence<row_block<T>>{});
  kernels[rows - 1][p.columns > lanes<T>](depth, a, b_row, p, c_row, end);
}

/// Copies rows of a left factor to blocks (terms, row_block), one after the other.
template <class T>
void pack_columns(std::size_t rows, std::size_t terms, const left_matrix<T>& a, T* to) {
  constexpr std::size_t most = row_block<T>;
  const std::size_t whole = rows / most * most;
  for (std::size_t k = 0; k < terms; ++k)
    for (std::size_t i = 0; i < whole; i += most)
      std::copy_n(a.data + k * a.step + i, most, to + i * terms + k * most);
  if (whole == rows) return;
  for (std::size_t k = 0; k < terms; ++k)
    std::copy_n(a.data + k * a.step + whole, rows - whole, to + whole * terms + k * most);
}

/// panel_product, with `together` rows of A at a time copied to `packed` unless that is null.
template <class T>
void panel_product(std::size_t m, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                   std::span<const panel<T>> panels, std::size_t c_row, epilogue<T> end,
                   std::size_t together, T* packed) {
  constexpr std::size_t most = row_block<T>;
  const T* const bias = end.bias;
  std::size_t first = 0;
  do {
    const std::size_t terms = std::min(depth_block, depth - first);
    for (std::size_t i = 0; i < m; i += most) {
      const std::size_t rows = std::min(most, m - i);
      left_matrix<T> left{a.data + i * a.row + first * a.step, a.row, a.step};
      if (packed) {
        if (i % together == 0) pack_columns(std::min(together, m - i), terms, left, packed);
        left = {packed + i % together * terms, 1, most};
      }
      end.bias = bias && first == 0 ? bias + i : nullptr;
      for (const panel<T>& p : panels)
        panel_rows(rows, terms, left, b_row, {p.b + first * b_row, p.c + i * c_row, p.columns},
                   c_row, end);
    }
    end.add = true;
    first += terms;
  } while (first < depth);
}

/// C (m, columns of all panels) = alpha·A (m, depth)·B + …; the rows of B are b_row apart, those
/// of C c_row. Runs on the calling thread.
template <class T>
void panel_product(std::size_t m, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                   std::span<const panel<T>> panels, std::size_t c_row, epilogue<T> end = {}) {
  // Where the numbers of a column of A are neighbours, rows are copied first: a block at a time for
  // several panels, or, where each column lies on a memory page of its own, whole cache lines.
  const bool far = a.step * sizeof(T) >= 4096;
  const std::size_t together =
      far ? std::max<std::size_t>(row_block<T>, 512 / sizeof(T)) : row_block<T>;
  if (a.step == 1 || a.row != 1 || (!far && panels.size() == 1))
    return panel_product<T>(m, depth, a, b_row, panels, c_row, end, together, nullptr);
  const scratch<T> packed(together * std::min(depth, depth_block));
  panel_product<T>(m, depth, a, b_row, panels, c_row, end, together, packed);
}

}  // namespace lift::detail
