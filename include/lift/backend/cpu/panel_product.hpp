// SPDX-License-Identifier: MIT
#pragma once

// Matrix products in registers: what the convolutions and attention of the CPU backend are made of.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/backend/cpu/block_transpose.hpp>
#include <lift/backend/cpu/cache_sizes.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/ceil_div.hpp>

namespace lift::detail {

/// The left factor of a product: element (i, k) is data[i·row + k·step].
template <class T>
struct left_matrix {
  const T* data;
  std::size_t row, step;
};

/// What becomes of a product: C = alpha·A·B, added to the old C or not, plus a number for each row,
/// and of that max(x, 0) if it is to be rectified.
template <class T>
struct epilogue {
  T alpha = 1;
  bool add = false;
  const T* bias = nullptr;
  bool rectify = false;

  /// For some terms of a sum, which are the first of all or the last or not.
  epilogue of_terms(bool first, bool last) const {
    return {alpha, add || !first, first ? bias : nullptr, rectify && last};
  }
  /// For the rows of C from one on.
  epilogue from_row(std::size_t row) const {
    return {alpha, add, bias ? bias + row : nullptr, rectify};
  }
};

/// A panel of a product: at most panel_width columns of B and C. Rows of B are read to the full
/// width of the vectors that hold the columns.
template <class T>
struct panel {
  const T* b;
  T* c;
  std::size_t columns;
};

/// Vectors of a panel's columns. Rows and vectors of sums fill the registers, 24 of AVX-512's 32 and
/// 12 of AVX2's 16: six rows of so many vectors take the fewest loads for a multiply-add.
template <class T>
inline constexpr std::size_t panel_vectors = sizeof(xsimd::batch<T>) >= 64 ? 4 : 2;

/// Columns of a panel.
template <class T>
inline constexpr std::size_t panel_width = panel_vectors<T> * lanes<T>;

/// Rows of C that are summed up in registers at once, of panels of so many vectors.
template <class T>
constexpr std::size_t row_block(std::size_t vectors) {
  return 2 * vectors > panel_vectors<T> ? 6 : 12;
}

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
  const auto add_term = [&](std::size_t k, const T* b) {
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
  };
  constexpr std::size_t line = 64 / sizeof(T), at_once = 4;
  const T* b = p.b;
  std::size_t k = 0;
  while (k + line <= depth) {
    // The rows that come next, a cache line of each: they are too many streams for the processor to
    // foresee.
    if (a.step == 1)
#pragma GCC unroll 16
      for (std::size_t i = 0; i < Rows; ++i) __builtin_prefetch(rows[i] + Rows * a.row + k);
    for (std::size_t end_of_line = k + line; k < end_of_line; k += at_once, b += at_once * b_row)
#pragma GCC unroll 4
      for (std::size_t i = 0; i < at_once; ++i) add_term(k + i, b + i * b_row);
  }
  for (; k < depth; ++k, b += b_row) add_term(k, b);
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
        const batch sum = xsimd::fma(batch(end.alpha), sums[i][j], old) + batch(bias);
        (end.rectify ? xsimd::select(sum < batch(T(0)), batch(T(0)), sum) : sum).store_unaligned(to);
      }
    } else {
      alignas(64) std::array<T, Vectors * batch::size> row;
      for (std::size_t j = 0; j < Vectors; ++j)
        sums[i][j].store_aligned(row.data() + j * batch::size);
      for (std::size_t j = 0; j < p.columns; ++j) {
        const T sum = end.alpha * row[j] + (end.add ? c[j] : T(0)) + bias;
        c[j] = end.rectify && sum < T(0) ? T(0) : sum;
      }
    }
  }
}

/// panel_rows for a number of rows and vectors known only when it runs.
template <class T>
void panel_rows(std::size_t rows, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                const panel<T>& p, std::size_t c_row, const epilogue<T>& end) {
  using kernel = void (*)(std::size_t, const left_matrix<T>&, std::size_t, const panel<T>&,
                          std::size_t, const epilogue<T>&);
  // For each number of vectors those of one row, two …
  static constexpr auto kernels = []<std::size_t... V>(std::index_sequence<V...>) {
    constexpr auto of = []<std::size_t Vectors, std::size_t... R>(std::index_sequence<R...>) {
      return std::array<kernel, row_block<T>(1)>{panel_rows<R + 1, Vectors, T>...};
    };
    return std::array{of.template operator()<V + 1>(
        std::make_index_sequence<row_block<T>(V + 1)>{})...};
  }(std::make_index_sequence<panel_vectors<T>>{});
  kernels[ceil_div(p.columns, lanes<T>) - 1][rows - 1](depth, a, b_row, p, c_row, end);
}

/// Rows of a left factor that are copied side by side.
inline constexpr std::size_t packed_rows = 12;

/// Rows of a left factor that pay for a copy of the right one.
inline constexpr std::size_t rows_worth_a_copy = 48;

/// Copies rows of a left factor to blocks (terms, packed_rows), one after the other.
template <class T>
void pack_columns(std::size_t rows, std::size_t terms, const left_matrix<T>& a, T* to) {
  constexpr std::size_t n = packed_rows;
  const std::size_t whole = rows / n * n;
  for (std::size_t k = 0; k < terms; ++k)
    for (std::size_t i = 0; i < whole; i += n)
      std::memcpy(to + i * terms + k * n, a.data + k * a.step + i, n * sizeof(T));
  if (whole == rows) return;
  for (std::size_t k = 0; k < terms; ++k)
    std::copy_n(a.data + k * a.step + whole, rows - whole, to + whole * terms + k * n);
}

/// panel_product, Most rows at a time, with `together` rows of A at once copied to `packed` unless
/// that is null.
template <std::size_t Most, class T>
void product_of_rows(std::size_t m, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                     std::span<const panel<T>> panels, std::size_t c_row,
                     const epilogue<T>& end, std::size_t together, T* packed) {
  std::size_t first = 0;
  do {
    const std::size_t terms = std::min(depth_block, depth - first);
    const epilogue<T> of_terms = end.of_terms(first == 0, first + terms == depth);
    for (std::size_t i = 0; i < m; i += Most) {
      const std::size_t rows = std::min(Most, m - i);
      left_matrix<T> left{a.data + i * a.row + first * a.step, a.row, a.step};
      if (packed) {
        if (i % together == 0) pack_columns(std::min(together, m - i), terms, left, packed);
        const std::size_t row = i % together, within = row % packed_rows;
        left = {packed + (row - within) * terms + within, 1, packed_rows};
      }
      const epilogue<T> of_rows = of_terms.from_row(i);
      for (const panel<T>& p : panels)
        panel_rows(rows, terms, left, b_row, {p.b + first * b_row, p.c + i * c_row, p.columns},
                   c_row, of_rows);
    }
    first += terms;
  } while (first < depth);
}

/// panel_product, with rows of A copied where that pays.
template <class T>
void product_of_panels(std::size_t m, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                       std::span<const panel<T>> panels, std::size_t c_row,
                       const epilogue<T>& end) {
  // Where the numbers of a column of A are neighbours, rows are copied first: a block at a time for
  // several panels, or, where each column lies on a memory page of its own, whole cache lines.
  const bool far = a.step * sizeof(T) >= 4096;
  const bool copy = a.step != 1 && a.row == 1 && (far || panels.size() > 1);
  constexpr std::size_t lines = 96;
  static_assert(lines % packed_rows == 0 && lines * sizeof(T) % 64 == 0);
  const std::size_t together = far ? lines : packed_rows;
  const scratch<T> packed(copy ? together * std::min(depth, depth_block) : 0);
  const auto multiply = [&]<std::size_t Most>() {
    product_of_rows<Most, T>(m, depth, a, b_row, panels, c_row, end, together,
                             copy ? packed.data() : nullptr);
  };
  const std::size_t widest = std::ranges::max(panels, {}, &panel<T>::columns).columns;
  if (row_block<T>(ceil_div(widest, lanes<T>)) == 6)
    multiply.template operator()<6>();
  else
    multiply.template operator()<12>();
}

/// Copies rows of whole vectors, `row` apart, to `to_row` apart.
template <class T>
void copy_side_by_side(std::size_t rows, std::size_t columns, const T* from, std::size_t row, T* to,
                       std::size_t to_row) {
  constexpr std::size_t ahead = 16;  // short runs are not what the processor foresees
  for (std::size_t k = 0; k < rows; ++k, from += row, to += to_row)
    for (std::size_t j = 0; j < columns; j += lanes<T>) {
      __builtin_prefetch(from + ahead * row + j);
      xsimd::batch<T>::load_unaligned(from + j).store_unaligned(to + j);
    }
}

/// C (m, columns of all panels) = alpha·A (m, depth)·B + …; the rows of B are b_row apart, those
/// of C c_row. Runs on the calling thread.
template <class T>
void panel_product(std::size_t m, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                   std::span<const panel<T>> panels, std::size_t c_row, const epilogue<T>& end = {}) {
  // Rows of B that do not follow each other are copied first, where many rows of A take them: far
  // apart they fall on the same sets of the caches.
  constexpr std::size_t width = panel_width<T>, block = 512;
  if (panels.empty()) return;
  if (b_row <= width || m < rows_worth_a_copy || depth == 0)
    return product_of_panels<T>(m, depth, a, b_row, panels, c_row, end);
  const std::size_t size = std::min(depth, block) * width;
  const std::size_t together =
      std::clamp<std::size_t>(near_bytes() / 2 / sizeof(T) / size, 1, panels.size());
  const scratch<T> copies(together * size);
  std::vector<panel<T>> some;
  for (std::size_t from = 0; from < panels.size(); from += together) {
    const auto these = panels.subspan(from, std::min(together, panels.size() - from));
    for (std::size_t first = 0; first < depth; first += block) {
      const std::size_t terms = std::min(block, depth - first);
      some.clear();
      for (const panel<T>& p : these) {
        T* const to = copies.data() + some.size() * size;
        copy_side_by_side(terms, round_up(p.columns, lanes<T>), p.b + first * b_row, b_row, to,
                          width);
        some.push_back({to, p.c, p.columns});
      }
      product_of_panels<T>(m, terms, {a.data + first * a.step, a.row, a.step}, width, some, c_row,
                           end.of_terms(first == 0, first + terms == depth));
    }
  }
}

}  // namespace lift::detail
