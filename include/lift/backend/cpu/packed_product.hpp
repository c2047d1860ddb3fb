// SPDX-License-Identifier: MIT
#pragma once

// Matrix products for where OpenBLAS's kernels are for an older processor.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lift/backend/cpu/block_transpose.hpp>
#include <lift/backend/cpu/panel_product.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/ceil_div.hpp>

namespace lift::detail {

/// Rows [first, first + terms) and columns [from, from + columns) of B, or of Bᵀ where it is
/// transposed, as panels (panels, terms, panel_width), the last filled up with zeros.
template <class T>
void pack_panels(std::size_t terms, std::size_t columns, const T* b, std::size_t row_b,
                 bool transposed, T* to) {
  constexpr std::size_t width = panel_width<T>;
  for (std::size_t j = 0; j < columns; j += width, to += terms * width) {
    const std::size_t these = std::min(width, columns - j);
    if (these < width) std::fill_n(to, terms * width, T(0));
    if (transposed)
      transpose_matrix(these, terms, b + j * row_b, row_b, to, width);
    else
      for (std::size_t k = 0; k < terms; ++k)
        std::copy_n(b + k * row_b + j, these, to + k * width);
  }
}

/// C (m, n) = alpha·A·B + beta·C as BLAS's gemm, row-major, on the calling thread; where beta is 0
/// the old C is not read.
template <class T>
void packed_product(std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
                    std::size_t row_a, bool transposed_a, const T* b, std::size_t row_b,
                    bool transposed_b, T beta, T* c, std::size_t row_c) {
  constexpr std::size_t width = panel_width<T>;
  // Terms of a sum taken at once, and columns of B: together 256 KiB.
  constexpr std::size_t depth = 256, most_columns = (std::size_t{256} << 10) / sizeof(T) / depth;
  static_assert(depth <= depth_block && most_columns % width == 0);
  if (beta != T(0) && beta != T(1))
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) c[i * row_c + j] *= beta;
  const scratch<T> packed(ceil_div(std::min(n, most_columns), width) * width * std::min(k, depth));
  std::vector<panel<T>> panels;
  for (std::size_t from = 0; from < n; from += most_columns) {
    const std::size_t columns = std::min(most_columns, n - from);
    std::size_t first = 0;
    do {
      const std::size_t terms = std::min(depth, k - first);
      pack_panels(terms, columns,
                  b + (transposed_b ? from * row_b + first : first * row_b + from), row_b,
                  transposed_b, packed.data());
      panels.clear();
      for (std::size_t j = 0; j < columns; j += width)
        panels.push_back({packed.data() + j * terms, c + from + j, std::min(width, columns - j)});
      const left_matrix<T> left = transposed_a ? left_matrix<T>{a + first * row_a, 1, row_a}
                                               : left_matrix<T>{a + first, row_a, 1};
      panel_product<T>(m, terms, left, width, panels, row_c,
                       {.alpha = alpha, .add = beta != T(0) || first > 0});
      first += terms;
    } while (first < k);
  }
}

}  // namespace lift::detail
