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
#include <lift/backend/cpu/multiply_add.hpp>
#include <lift/backend/cpu/unrolled.hpp>
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

/// Rows of C that are summed up in registers at once, at most, of panels of so many vectors.
template <class T>
constexpr std::size_t row_block(std::size_t vectors) {
  return 2 * vectors > panel_vectors<T> ? 6 : 12;
}

/// The numbers of rows that there are kernels for. Not all: each is a page of code for each number of
/// vectors, and other numbers are sums of few of these.
inline constexpr std::array<std::size_t, 7> kernel_rows{1, 2, 3, 4, 6, 8, 12};

/// The number of the kernel that has the most rows but no more than these.
constexpr std::size_t kernel_for_rows(std::size_t rows) {
  return static_cast<std::size_t>(std::ranges::upper_bound(kernel_rows, rows) - kernel_rows.begin()) - 1;
}

/// Terms of a sum taken at once, so that the panels of B stay in the second-level cache.
inline constexpr std::size_t depth_block = 1024;

/// The rows of a panel of fewer columns than its vectors have numbers, from sums with rows `pitch` apart.
template <class T>
[[gnu::noinline]] void finish_columns(std::size_t rows, const T* sums, std::size_t pitch,
                                      const panel<T>& p, std::size_t c_row, const epilogue<T>& end) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < p.columns; ++j) {
      T& to = p.c[i * c_row + j];
      const T sum = end.alpha * sums[i * pitch + j] + (end.add ? to : T(0)) +
                    (end.bias ? end.bias[i] : T(0));
      to = end.rectify && sum < T(0) ? T(0) : sum;
    }
}

/// C (Rows, columns) from `depth` terms, in Rows × Vectors registers.
template <std::size_t Rows, std::size_t Vectors, class T>
void panel_rows(std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                const panel<T>& p, std::size_t c_row, const epilogue<T>& end) {
  using batch = xsimd::batch<T>;
  std::array<std::array<batch, Vectors>, Rows> sums;
  std::array<const T*, Rows> rows;
  unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
    rows[i] = a.data + i * a.row;
    unrolled<Vectors>([&](auto j) __attribute__((always_inline)) { sums[i][j] = batch(T(0)); });
  });
  const auto add_term = [&](std::size_t k, const T* b) __attribute__((always_inline)) {
    std::array<batch, Vectors> right;
    unrolled<Vectors>([&](auto j) __attribute__((always_inline)) {
      right[j] = batch::load_unaligned(b + j * batch::size);
    });
    unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
      const batch left(rows[i][k * a.step]);
      unrolled<Vectors>([&](auto j) __attribute__((always_inline)) {
        sums[i][j] = multiply_add(left, right[j], sums[i][j]);
      });
    });
  };
  constexpr std::size_t line = 64 / sizeof(T), at_once = 4;
  const T* b = p.b;
  std::size_t k = 0;
  while (k + line <= depth) {
    // The rows that come next, a cache line of each: they are too many streams for the processor to
    // foresee.
    if (a.step == 1)
      unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
        __builtin_prefetch(rows[i] + Rows * a.row + k);
      });
    for (std::size_t end_of_line = k + line; k < end_of_line; k += at_once, b += at_once * b_row)
      unrolled<at_once>(
          [&](auto i) __attribute__((always_inline)) { add_term(k + i, b + i * b_row); });
  }
  for (; k < depth; ++k, b += b_row) add_term(k, b);
  if (p.columns < Vectors * batch::size) {
    alignas(64) std::array<T, Rows * Vectors * batch::size> stored;
    unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
      unrolled<Vectors>([&](auto j) __attribute__((always_inline)) {
        sums[i][j].store_aligned(stored.data() + (i * Vectors + j) * batch::size);
      });
    });
    return finish_columns(Rows, stored.data(), Vectors * batch::size, p, c_row, end);
  }
  const xsimd::batch_bool<T> rectify(end.rectify);
  const auto finish = [&](auto add) __attribute__((always_inline)) {
    unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
      const batch bias(end.bias ? end.bias[i] : T(0));
      unrolled<Vectors>([&](auto j) __attribute__((always_inline)) {
        T* const to = p.c + i * c_row + j * batch::size;
        const batch old = add ? batch::load_unaligned(to) : batch(T(0));
        const batch sum = multiply_add(batch(end.alpha), sums[i][j], old) + bias;
        xsimd::select(rectify && sum < batch(T(0)), batch(T(0)), sum).store_unaligned(to);
      });
    });
  };
  if (end.add)
    finish(std::true_type());
  else
    finish(std::false_type());
}

/// panel_rows of a number of kernel_rows and of vectors known only when it runs.
template <class T>
void panel_rows(std::size_t number, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                const panel<T>& p, std::size_t c_row, const epilogue<T>& end) {
  using kernel = void (*)(std::size_t, const left_matrix<T>&, std::size_t, const panel<T>&,
                          std::size_t, const epilogue<T>&);
  // For each number of vectors those of one row, two …
  static constexpr auto kernels = []<std::size_t... V>(std::index_sequence<V...>) {
    constexpr auto of = []<std::size_t Vectors, std::size_t... R>(std::index_sequence<R...>) {
      return std::array<kernel, kernel_rows.size()>{panel_rows<kernel_rows[R], Vectors, T>...};
    };
    return std::array{of.template operator()<V + 1>(
        std::make_index_sequence<kernel_for_rows(row_block<T>(V + 1)) + 1>{})...};
  }(std::make_index_sequence<panel_vectors<T>>{});
  kernels[ceil_div(p.columns, lanes<T>) - 1][number](depth, a, b_row, p, c_row, end);
}

/// Rows of a left factor that are copied side by side.
inline constexpr std::size_t packed_rows = 12;

/// Rows of a left factor that pay for a copy of the right one.
inline constexpr std::size_t rows_worth_a_copy = 48;

/// Asks for a run of numbers that will be read soon. Between other work this costs little, where a
/// read of many at once waits for the memory.
template <class T>
void prefetch(const T* from, std::size_t numbers) {
  for (std::size_t i = 0; i < numbers; i += lanes<T>) __builtin_prefetch(from + i);
}

/// Copies rows of a left factor to blocks (terms, packed_rows), one after the other.
template <class T>
void pack_columns(std::size_t rows, std::size_t terms, const left_matrix<T>& a, T* to) {
  constexpr std::size_t n = packed_rows;
  const std::size_t whole = rows / n * n;
  // Rows of a few cache lines, often on a page each, are not what the processor foresees.
  constexpr std::size_t ahead = 8;
  for (std::size_t k = 0; k < terms; ++k) {
    prefetch(a.data + (k + ahead) * a.step, whole);
    for (std::size_t i = 0; i < whole; i += n)
      std::memcpy(to + i * terms + k * n, a.data + k * a.step + i, n * sizeof(T));
  }
  if (whole == rows) return;
  for (std::size_t k = 0; k < terms; ++k)
    std::copy_n(a.data + k * a.step + whole, rows - whole, to + whole * terms + k * n);
}

/// panel_product, `most` rows at a time, with `together` rows of A at once copied to `packed` unless
/// that is null.
template <class T>
void product_of_rows(std::size_t most, std::size_t m, std::size_t depth, const left_matrix<T>& a, std::size_t b_row,
                     std::span<const panel<T>> panels, std::size_t c_row,
                     const epilogue<T>& end, std::size_t together, T* packed) {
  std::size_t first = 0;
  do {
    const std::size_t terms = std::min(depth_block, depth - first);
    const epilogue<T> of_terms = end.of_terms(first == 0, first + terms == depth);
    for (std::size_t i = 0, number; i < m; i += kernel_rows[number]) {
      number = kernel_for_rows(std::min(most, m - i));
      left_matrix<T> left{a.data + i * a.row + first * a.step, a.row, a.step};
      if (packed) {
        if (i % together == 0) pack_columns(std::min(together, m - i), terms, left, packed);
        const std::size_t row = i % together, within = row % packed_rows;
        left = {packed + (row - within) * terms + within, 1, packed_rows};
      }
      const epilogue<T> of_rows = of_terms.from_row(i);
      for (const panel<T>& p : panels)
        panel_rows(number, terms, left, b_row, {p.b + first * b_row, p.c + i * c_row, p.columns},
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
  const std::size_t widest = std::ranges::max(panels, {}, &panel<T>::columns).columns;
  product_of_rows<T>(row_block<T>(ceil_div(widest, lanes<T>)), m, depth, a, b_row, panels, c_row, end,
                     together, copy ? packed.data() : nullptr);
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
