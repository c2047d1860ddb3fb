// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/simd_lanes.hpp>

namespace lift::detail {

/// The lanes of a vector as a team (see team.hpp); what is left over is done number by number.
struct simd_team {
  template <class R, class T, class F>
  T reduce(std::size_t n, const F& f) const {
    using batch = xsimd::batch<T>;
    T result = R::template identity<T>();
    std::size_t i = 0;
    if (n >= 2 * batch::size) {
      batch even(result), odd(result);
      for (; i + 2 * batch::size <= n; i += 2 * batch::size) {
        even = R::combine(even, batch(f(i, batch())));
        odd = R::combine(odd, batch(f(i + batch::size, batch())));
      }
      alignas(64) T lanes[batch::size];
      R::combine(even, odd).store_aligned(lanes);
      for (const T lane : lanes) result = R::combine(result, lane);
    }
    for (; i < n; ++i) {
      result = R::combine(result, T(f(i, T())));
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__)
      // GCC 12 at -O3 fails ("in vect_transform_reduction") where it makes vectors of this loop over bfloat16.
      std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
    }
    return result;
  }

  /// to[i] = f(i, v) for i < n.
  template <class T, class F>
  void map(std::size_t n, T* to, const F& f) const {
    using batch = simd_lanes<T>;
    std::size_t i = 0;
    for (; i + batch::size <= n; i += batch::size) store_lanes(batch(f(i, batch())), to + i);
    for (; i < n; ++i) to[i] = static_cast<T>(f(i, accumulator_t<T>()));
  }

  template <class T, class F>
  void map(std::size_t rows, std::size_t columns, T* to, const F& f) const {
    for (std::size_t row = 0; row < rows; ++row)
      map(columns, to + row * columns,
          [&](std::size_t j, auto v) { return f(row, row * columns + j, v); });
  }

  template <class R, class T, class F, class Store>
  void reduce_rows(std::size_t rows, std::size_t columns, const F& f, const Store& store) const {
    for (std::size_t row = 0; row < rows; ++row)
      store(row, reduce<R, T>(columns, [&](std::size_t j, auto v) {
              return f(row, row * columns + j, v);
            }));
  }

  template <class F>
  void once(const F& f) const { f(); }

  template <class T>
  accumulator_t<T> load(const T* p, accumulator_t<T>) const { return static_cast<accumulator_t<T>>(*p); }
  template <class T>
  simd_lanes<T> load(const T* p, const simd_lanes<T>&) const { return load_lanes(p); }
};

}  // namespace lift::detail
