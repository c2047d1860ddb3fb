// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/config.hpp>
#include <lift/tensor/storage.hpp>

namespace lift::detail {

// A team is what one task of a parallel loop runs on: the lanes of a vector, the threads of a
// device's block, or one thread. A kernel written for teams is one text for all of them:
// - reduce<R, T>(n, f): R over f(i, v) for i < n, the same number for the whole team;
// - map(rows, columns, to, f): to[i] = f(row, i, v), i = row·columns + column;
// - reduce_rows<R, T>(rows, columns, f, store): store(row, R over f(row, i, v) of the row);
// - once(f): f() by one of them, for what is a single number;
// - load(p, v): *p, or a vector of what is there and after it, as v is one.
// What is stored as bfloat16 is read and mapped as float; R and f work on such numbers.
// f gives a number or a vector of them, element i and those after it: v is a value of that type.
// What one call writes another may read.

/// A team of one thread. Sums run in a few strands, which the compiler makes vectors of.
struct single_thread_team {
  template <class R, class T, class F>
  LIFT_HD T reduce(std::size_t n, const F& f) const {
    constexpr std::size_t strands = 8;
    T partial[strands];
    for (T& p : partial) p = R::template identity<T>();
    std::size_t i = 0;
    for (; i + strands <= n; i += strands)
      for (std::size_t s = 0; s < strands; ++s) partial[s] = R::combine(partial[s], f(i + s, T()));
    T result = R::template identity<T>();
    for (const T& p : partial) result = R::combine(result, p);
    for (; i < n; ++i) result = R::combine(result, f(i, T()));
    return result;
  }

  template <class T, class F>
  LIFT_HD void map(std::size_t rows, std::size_t columns, T* to, const F& f) const {
    for (std::size_t row = 0, i = 0; row < rows; ++row)
      for (std::size_t column = 0; column < columns; ++column, ++i)
        to[i] = static_cast<T>(f(row, i, accumulator_t<T>()));
  }

  template <class R, class T, class F, class Store>
  LIFT_HD void reduce_rows(std::size_t rows, std::size_t columns, const F& f,
                           const Store& store) const {
    for (std::size_t row = 0; row < rows; ++row)
      store(row, reduce<R, T>(columns, [&](std::size_t j, T v) {
              return f(row, row * columns + j, v);
            }));
  }

  template <class F>
  LIFT_HD void once(const F& f) const { f(); }

  template <class T>
  LIFT_HD accumulator_t<T> load(const T* p, accumulator_t<T>) const {
    return static_cast<accumulator_t<T>>(*p);
  }
};

}  // namespace lift::detail
