// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include <xsimd/xsimd.hpp>

#include <lift/backend/backend.hpp>
#include <lift/backend/cpu/blas_product.hpp>
#include <lift/backend/cpu/rearranged.hpp>
#include <lift/backend/cpu/simd_lanes.hpp>
#include <lift/backend/cpu/simd_team.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/tensor/memory_layout.hpp>

namespace lift {

/// The verbs of the CPU backend but for convolution: buffers of xtensor, SIMD by xsimd, matrix
/// products by xtensor-blas, all cores through the default thread pool.
///
/// Blocks are cut by shape alone, so one thread and many give the same bytes.
struct xtensor_algebra {
  template <class T>
  using buffer = detail::work_buffer<T>;

  template <class T>
  static void copy_in(T* to, std::span<const T> host) {
    std::copy(host.begin(), host.end(), to);
  }

  template <class T>
  static void copy_out(std::span<T> host, const T* from) {
    std::copy_n(from, host.size(), host.begin());
  }

  template <class T>
  static void copy_rows(std::size_t rows, std::size_t width, T* to, std::size_t to_pitch,
                        const T* from, std::size_t from_pitch) {
    for_each(
        rows, [=](std::size_t r) { std::copy_n(from + r * from_pitch, width, to + r * to_pitch); },
        width);
  }

  template <class T, class F, class... In>
  static void map(std::size_t n, T* out, const F& f, const In&... in) {
    const std::size_t chunk = common_run(n, in...);
    parallel_for(n, block, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end;) {
        const std::size_t stop = std::min(end, (i / chunk + 1) * chunk);
        map_run(stop - i, out + i, f, cursor(in, i)...);
        i = stop;
      }
    });
  }

  template <class R, class T, class F, class... In>
  static void reduce(R r, std::size_t outer, std::size_t keep, std::size_t inner, T* out,
                     const F& f, const In&... in) {
    if (outer * inner == 0) {
      std::fill_n(out, keep, r.template identity<T>());
      return;
    }
    const std::size_t chunk = common_run(outer * keep * inner, in...);
    if (inner == 1 && keep > 1) {  // columns: one SIMD lane for every kept element
      parallel_for(keep, std::max<std::size_t>(64, block / outer),
                   [&](std::size_t begin, std::size_t end) {
                     std::fill(out + begin, out + end, r.template identity<T>());
                     for (std::size_t o = 0; o < outer; ++o)
                       for (std::size_t k = begin; k < end;) {
                         const std::size_t i = o * keep + k;
                         const std::size_t stop = std::min(end, k + chunk - i % chunk);
                         map_run(stop - k, out + k, accumulate<R, F>{f}, cursor<T>{out + k, true},
                                 cursor(in, i)...);
                         k = stop;
                       }
                   });
      return;
    }
    // Rows: long ones are cut into pieces whose partial results are combined in order.
    const std::size_t row = outer * inner;
    const std::size_t pieces = keep < 64 ? ceil_div(row, piece) : 1;
    const std::size_t length = ceil_div(row, std::max<std::size_t>(pieces, 1));
    std::vector<T> partial(keep * pieces, r.template identity<T>());
    for_each(
        keep * pieces,
        [&](std::size_t p) {
          T result = r.template identity<T>();
          const std::size_t last = std::min(row, (p % pieces + 1) * length);
          for (std::size_t j = p % pieces * length; j < last;) {
            const std::size_t i = (j / inner * keep + p / pieces) * inner + j % inner;
            const std::size_t n = std::min({last - j, inner - j % inner, chunk - i % chunk});
            result = r.combine(result, reduce_run<R, T>(n, f, cursor(in, i)...));
            j += n;
          }
          partial[p] = result;
        },
        length);
    for (std::size_t k = 0; k < keep; ++k)
      out[k] = std::accumulate(partial.begin() + static_cast<std::ptrdiff_t>(k * pieces),
                               partial.begin() + static_cast<std::ptrdiff_t>((k + 1) * pieces),
                               r.template identity<T>(), [&](T a, T b) { return r.combine(a, b); });
  }

  template <class F>
  static void for_each(std::size_t n, const F& f, std::size_t cost = 1) {
    parallel_for(n, block / std::max<std::size_t>(cost, 1),
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t i = begin; i < end; ++i) f(i);
                 });
  }

  /// Images in another layout or storage, of which blocks are transposed in vectors.
  template <class To, class From>
  static void for_each(std::size_t n, const kernel::rearrange<To, From>& f, std::size_t cost) {
    if constexpr (!std::is_same_v<accumulator_t<To>, accumulator_t<From>>) {
      for_each(n, [&f](std::size_t i) { f(i); }, cost);
    } else if (f.from_strides.channel == f.to_strides.channel) {
      map(n, f.to, kernel::identity{}, operand<From>{f.from, 1, n});
    } else if (n > 0) {
      const bool from_first = f.from_strides.pixel == 1;
      detail::write_transposed(n / (f.channels * f.pixels), from_first ? f.channels : f.pixels,
                               from_first ? f.pixels : f.channels, f.from, f.to);
    }
  }

  template <class F>
  static void for_each_team(std::size_t n, const F& f, std::size_t cost = 1) {
    for_each(
        n, [&](std::size_t i) { f(detail::simd_team(), i); }, cost);
  }

  template <class T>
  static void gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k, T alpha,
                   std::type_identity_t<matrices<const T>> a,
                   std::type_identity_t<matrices<const T>> b, T beta, matrices<T> c);

 private:
  static constexpr std::size_t block = 16384;  // elements of one task
  static constexpr std::size_t piece = 65536;  // elements of one partial reduction

  /// Where an operand stands at the start of a run: a vector, or one number for the whole run.
  template <class T>
  struct cursor {
    const T* p;
    bool advances;
    cursor(const T* at, bool moves) : p(at), advances(moves) {}
    cursor(const operand<T>& x, std::size_t i)
        : p(x.data + i / x.run % x.count), advances(x.run == 1 && x.count > 1) {}
    template <class Batch>
    Batch load(std::size_t j) const {
      using number = accumulator_t<T>;
      if constexpr (std::is_same_v<Batch, number>)
        return static_cast<number>(advances ? p[j] : *p);
      else
        return advances ? detail::load_lanes(p + j) : Batch(static_cast<number>(*p));
    }
  };

  /// combine(accumulated, f(in...)).
  template <class R, class F>
  struct accumulate {
    const F& f;
    template <class T, class... In>
    T operator()(T sofar, const In&... in) const {
      return R::combine(sofar, T(f(in...)));
    }
  };

  /// The longest run that starts at every multiple of itself and in which each operand either
  /// advances by one or stays.
  template <class... In>
  static std::size_t common_run(std::size_t n, const In&... in) {
    std::size_t run = std::max<std::size_t>(n, 1);
    ((run = in.count == 1 ? run : std::gcd(run, in.run == 1 ? in.count : in.run)), ...);
    return run;
  }

  template <class T, class F, class... Cursor>
  static void map_run(std::size_t n, T* out, const F& f, const Cursor&... in) {
    detail::simd_team().map(
        n, out, [&](std::size_t j, auto v) { return f(in.template load<decltype(v)>(j)...); });
  }

  template <class R, class T, class F, class... Cursor>
  static T reduce_run(std::size_t n, const F& f, const Cursor&... in) {
    return detail::simd_team().reduce<R, T>(
        n, [&](std::size_t j, auto v) { return f(in.template load<decltype(v)>(j)...); });
  }
};

template <class T>
void xtensor_algebra::gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k, T alpha,
                           std::type_identity_t<matrices<const T>> a,
                           std::type_identity_t<matrices<const T>> b, T beta, matrices<T> c) {
  detail::blas_products(
      batch, m, n, k, alpha, a, b, beta, c,
      [](std::size_t count, const auto& task) { default_thread_pool().run(count, task); });
}

}  // namespace lift
