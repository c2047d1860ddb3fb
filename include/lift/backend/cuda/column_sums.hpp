// SPDX-License-Identifier: MIT
#pragma once

// Sums over the pixels of images with the channels last; for nvcc alone.

#include <algorithm>
#include <cstddef>

#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/backend/cuda/launch.hpp>
#include <lift/backend/cuda/thread_grid.hpp>
#include <lift/backend/thrust/packet.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/tensor/storage.hpp>

namespace lift::detail {

/// Rows [length·y, length·(y + 1)) of matrix x of a batch (rows, columns), block (x, y, z): their
/// sums in sums[x][y], of `across` packets of columns.
template <class T, unsigned N, unsigned Threads>
__global__ void __launch_bounds__(Threads)
    column_sums_kernel(std::size_t rows, std::size_t columns, unsigned across, std::size_t length,
                       const T* matrix, accumulator_t<T>* sums) {
  using number = accumulator_t<T>;
  __shared__ number memory[N * Threads];
  const thread_grid<Threads> grid(across);
  const std::size_t column = (std::size_t{blockIdx.z} * across + grid.column) * N;
  const std::size_t first = blockIdx.y * length;
  const std::size_t last = first + length < rows ? first + length : rows;
  const bool works = grid.works() && column < columns;
  number total[N] = {};
  if (works)
    for (std::size_t row = first + grid.row; row < last; row += grid.rows) {
      const auto here = *packets<N>(matrix + (blockIdx.x * rows + row) * columns + column);
      for (unsigned n = 0; n < N; ++n) total[n] += static_cast<number>(here.of[n]);
    }
  grid.add_rows(total, memory);
  if (!works || grid.row > 0) return;
  number* const to = sums + (std::size_t{blockIdx.x} * gridDim.y + blockIdx.y) * columns + column;
  for (unsigned n = 0; n < N; ++n) to[n] = total[n];
}

template <class T, unsigned N>
void launch_column_sums(std::size_t batch, std::size_t rows, std::size_t columns,
                        std::size_t pieces, const T* matrices, accumulator_t<T>* sums) {
  constexpr unsigned threads = 256;
  const auto across = static_cast<unsigned>(std::min<std::size_t>(columns / N, threads));
  const dim3 blocks(static_cast<unsigned>(batch), static_cast<unsigned>(pieces),
                    static_cast<unsigned>(ceil_div(columns / N, across)));
  launch(column_sums_kernel<T, N, threads>, blocks, threads, rows, columns, across,
         ceil_div(rows, pieces), matrices, sums);
}

/// sums (batch, columns) of the columns of matrices (batch, rows, columns), always in one order.
template <class T>
void column_sums(std::size_t batch, std::size_t rows, std::size_t columns, const T* matrices,
                 accumulator_t<T>* sums) {
  constexpr unsigned together = 16 / sizeof(T);
  if (batch * columns == 0) return;
  const bool whole = takes_packets<together>(matrices, columns);
  const auto sum = [&](std::size_t pieces, accumulator_t<T>* to) {
    if (whole)
      launch_column_sums<T, together>(batch, rows, columns, pieces, matrices, to);
    else
      launch_column_sums<T, 1>(batch, rows, columns, pieces, matrices, to);
  };
  // Pieces of a hundred kilobytes, and as many as a large device has blocks.
  constexpr std::size_t piece = std::size_t{100} << 10, most = 1024;
  const std::size_t pieces =
      std::clamp<std::size_t>(rows * columns * sizeof(T) / piece, 1, ceil_div(most, batch));
  if (pieces == 1) return sum(1, sums);
  const device_block partial(batch * pieces * columns * sizeof(accumulator_t<T>));
  auto* const parts = static_cast<accumulator_t<T>*>(partial.data());
  sum(pieces, parts);
  launch_column_sums<accumulator_t<T>, 1>(batch, pieces, columns, 1, parts, sums);
}

}  // namespace lift::detail
