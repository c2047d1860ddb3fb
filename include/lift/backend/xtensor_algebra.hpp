// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <complex>  // which cxxblas needs and does not include
#include <cstddef>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <xtensor-blas/xblas_config.hpp>
#include <xflens/cxxblas/cxxblas.cxx>
#include <xsimd/xsimd.hpp>

#include <lift/backend/backend.hpp>
#include <lift/backend/thread_pool.hpp>
#include <lift/backend/work_space.hpp>
#include <lift/core/ceil_div.hpp>

// Present when BLAS is OpenBLAS; the thread pool replaces its threads.
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

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
        map_run(stop - i, out + i, f, cursor<T>(in, i)...);
        i = stop;
      }
    });
  }

  template <class R, class T, class F, class... In>
  static void reduce(R r, std::size_t outer, std::size_t keep, std::size_t inner, T* out,
                     const F& f, const In&... in) {
    const std::size_t chunk = common_run(outer * keep * inner, in...);
    if (inner == 1 && keep > 1) {  // columns: one SIMD lane for every kept element
      parallel_for(keep, std::max<std::size_t>(64, block / outer),
                   [&](std::size_t begin, std::size_t end) {
                     std::fill(out + begin, out + end, r.template identity<T>());
                     for (std::size_t o = 0; o < outer; ++o)
                       for (std::size_t k = begin; k < end;) {
                         const std::size_t i = o * keep + k;
                         const std::size_t stop = std::min(end, k + chunk - i % chunk);
                         map_run(stop - k, out + k, accumulate<R, F>{f},
                                 cursor<T>{out + k, true}, cursor<T>(in, i)...);
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
            result = r.combine(result, reduce_run<R, T>(n, f, cursor<T>(in, i)...));
            j += n;
          }
          partial[p] = result;
        },
        length);
    for (std::size_t k = 0; k < keep; ++k)
      out[k] = std::accumulate(partial.begin() + static_cast<std::ptrdiff_t>(k * pieces),
                               partial.begin() + static_cast<std::ptrdiff_t>((k + 1) * pieces),
                               r.template identity<T>(),
                               [&](T a, T b) { return r.combine(a, b); });
  }

  template <class F>
  static void for_each(std::size_t n, const F& f, std::size_t cost = 1) {
    parallel_for(n, block / std::max<std::size_t>(cost, 1),
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t i = begin; i < end; ++i) f(i);
                 });
  }

  template <class T>
  static void gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k, T alpha,
                   std::type_identity_t<matrices<const T>> a,
                   std::type_identity_t<matrices<const T>> b, T beta, matrices<T> c) {
    // Few matrices: each is cut along its longer side as well.
    const std::size_t side = std::max(m, n);
    const std::size_t panel = batch < 4 ? std::max<std::size_t>(128, ceil_div(side, 4)) : side;
    const std::size_t panels = ceil_div(side, std::max<std::size_t>(panel, 1));
    default_thread_pool().run(batch * panels, [&](std::size_t task) {
      const std::size_t item = task / panels, from = task % panels * panel;
      const std::size_t length = std::min(panel, side - from);
      const T* pa = a.data + item % a.count * a.stride;
      const T* pb = b.data + item % b.count * b.stride;
      T* pc = c.data + item % c.count * c.stride;
      if (m >= n)
        gemm_one(length, n, k, alpha, pa + from * (a.transposed ? 1 : a.row), a.row, a.transposed,
                 pb, b.row, b.transposed, beta, pc + from * c.row, c.row);
      else
        gemm_one(m, length, k, alpha, pa, a.row, a.transposed,
                 pb + from * (b.transposed ? b.row : 1), b.row, b.transposed, beta, pc + from,
                 c.row);
    });
  }

  /// One matrix product on the calling thread: C (m, n) = alpha·A·B + beta·C.
  template <class T>
  static void gemm_one(std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
                       std::size_t row_a, bool transposed_a, const T* b, std::size_t row_b,
                       bool transposed_b, T beta, T* c, std::size_t row_c) {
    static const bool single_threaded = [] {
      if (openblas_set_num_threads) openblas_set_num_threads(1);
      return true;
    }();
    (void)single_threaded;
    if (m == 0 || n == 0) return;
    const auto index = [](std::size_t i) { return static_cast<int>(std::max<std::size_t>(i, 1)); };
    cxxblas::gemm<int>(cxxblas::RowMajor, transposed_a ? cxxblas::Trans : cxxblas::NoTrans,
                       transposed_b ? cxxblas::Trans : cxxblas::NoTrans, index(m), index(n),
                       static_cast<int>(k), alpha, a, index(row_a), b, index(row_b), beta, c,
                       index(row_c));
  }

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
      if constexpr (std::is_same_v<Batch, T>)
        return advances ? p[j] : *p;
      else
        return advances ? Batch::load_unaligned(p + j) : Batch(*p);
    }
  };

  /// combine(accumulated, f(in...)).
  template <class R, class F>
  struct accumulate {
    const F& f;
    template <class T, class... In>
    T operator()(T sofar, const In&... in) const { return R::combine(sofar, T(f(in...))); }
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
    using batch = xsimd::batch<T>;
    std::size_t j = 0;
    for (; j + batch::size <= n; j += batch::size)
      batch(f(in.template load<batch>(j)...)).store_unaligned(out + j);
    for (; j < n; ++j) out[j] = f(in.template load<T>(j)...);
  }

  template <class R, class T, class F, class... Cursor>
  static T reduce_run(std::size_t n, const F& f, const Cursor&... in) {
    using batch = xsimd::batch<T>;
    T result = R::template identity<T>();
    std::size_t j = 0;
    if (n >= 2 * batch::size) {
      batch even(result), odd(result);
      for (; j + 2 * batch::size <= n; j += 2 * batch::size) {
        even = R::combine(even, batch(f(in.template load<batch>(j)...)));
        odd = R::combine(odd, batch(f(in.template load<batch>(j + batch::size)...)));
      }
      alignas(64) T lanes[batch::size];
      R::combine(even, odd).store_unaligned(lanes);
      for (T lane : lanes) result = R::combine(result, lane);
    }
    for (; j < n; ++j) result = R::combine(result, T(f(in.template load<T>(j)...)));
    return result;
  }
};

}  // namespace lift
