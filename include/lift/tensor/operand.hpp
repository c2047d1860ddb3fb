// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/config.hpp>

namespace lift {

/// An array read with repetition: element i of a result reads data[(i / run) % count].
///
/// This one rule covers every broadcast of the library: (run 1, count n) reads element by element,
/// (1, n/K) repeats an array for K stacked tangents, (H·W, C) gives one number per channel,
/// (H·W, B·C) one per image and channel, and count 1 a single number for all.
template <class T>
struct operand {
  const T* data = nullptr;
  std::size_t run = 1;
  std::size_t count = 1;

  LIFT_HD T operator[](std::size_t i) const { return data[i / run % count]; }
};

/// A batch of row-major matrices for gemm: matrix b starts at data + (b % count)·stride and its
/// rows are `row` elements apart; `transposed` reads each one transposed.
template <class T>
struct matrices {
  T* data = nullptr;
  std::size_t row = 0;
  std::size_t stride = 0;
  std::size_t count = 1;
  bool transposed = false;
};

}  // namespace lift
