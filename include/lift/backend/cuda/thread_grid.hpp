// SPDX-License-Identifier: MIT
#pragma once

// The threads of a block that add up columns; for nvcc alone.

namespace lift::detail {

/// The threads of a block as rows of `across` each: a thread works on one column, and on the rows
/// row, row + rows, ... of what the block works on. What is left of the block has no part in it.
template <unsigned Threads>
struct thread_grid {
  unsigned across, rows, column, row;

  __device__ explicit thread_grid(unsigned across_)
      : across(across_),
        rows(Threads / across_),
        column(threadIdx.x % across_),
        row(threadIdx.x / across_) {}

  __device__ bool works() const { return row < rows; }

  /// Adds up the values of each column; every thread of the block calls it. Value n of column c then
  /// stands in memory[n·Threads + c] until the next call, and in `values` of its threads.
  template <unsigned N, class T>
  __device__ void add_rows(T (&values)[N], T* memory) const {
    __syncthreads();  // `memory` may still be read
    for (unsigned n = 0; n < N; ++n) memory[n * Threads + threadIdx.x] = values[n];
    for (unsigned left = rows; left > 1;) {
      const unsigned half = (left + 1) / 2;
      __syncthreads();
      if (row + half < left)
        for (unsigned n = 0; n < N; ++n)
          memory[n * Threads + threadIdx.x] += memory[n * Threads + threadIdx.x + half * across];
      left = half;
    }
    __syncthreads();
    for (unsigned n = 0; n < N; ++n) values[n] = memory[n * Threads + column];
  }
};

}  // namespace lift::detail
