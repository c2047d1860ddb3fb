// SPDX-License-Identifier: MIT
// The machine's rate for one matrix product: OpenBLAS in threads of its own, and beside it LIFT's
// products of panels, which stand in for an OpenBLAS with kernels for an older processor.
#include <algorithm>
#include <cstddef>
#include <vector>

#include <cblas.h>

#include <lift/backend/cpu/packed_product.hpp>
#include <lift/core/thread_pool.hpp>

#include "benchmark_options.hpp"

using namespace lift;
using namespace lift::bench;

namespace {

/// Two n×n matrices and room for their product.
template <class T>
struct factors {
  std::size_t n;
  std::vector<T> a, b, c;

  explicit factors(const benchmark::State& state)
      : n(static_cast<std::size_t>(state.range(0))), a(n * n), b(n * n), c(n * n) {
    for (std::size_t i = 0; i < n * n; ++i) {
      a[i] = static_cast<T>(i % 7) - 3;
      b[i] = static_cast<T>(i % 5) - 2;
    }
  }
  void report(benchmark::State& state) const {
    report_rate(state, "GFLOP/s", 2.0 * static_cast<double>(n * n * n));
  }
};

/// The label is the processor that OpenBLAS has its kernels from.
template <class T>
void openblas_product(benchmark::State& state, void (*gemm)(const factors<T>&, T*)) {
  factors<T> f(state);
  for (auto _ : state) {
    gemm(f, f.c.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(openblas_get_corename());
  f.report(state);
}
void openblas_sgemm(benchmark::State& state) {
  openblas_product<float>(state, [](const auto& f, float* c) {
    const auto n = static_cast<blasint>(f.n);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, f.a.data(), n, f.b.data(), n,
                0, c, n);
  });
}
void openblas_dgemm(benchmark::State& state) {
  openblas_product<double>(state, [](const auto& f, double* c) {
    const auto n = static_cast<blasint>(f.n);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, f.a.data(), n, f.b.data(), n,
                0, c, n);
  });
}

/// By the default thread pool, in quarters of the rows.
template <class T>
void packed_product(benchmark::State& state) {
  factors<T> f(state);
  for (auto _ : state) {
    parallel_for(f.n, ceil_div(f.n, 4), [&](std::size_t first, std::size_t last) {
      detail::packed_product<T>(last - first, f.n, f.n, 1, &f.a[first * f.n], f.n, false,
                                f.b.data(), f.n, false, 0, &f.c[first * f.n], f.n);
    });
    benchmark::ClobberMemory();
  }
  f.report(state);
}

BENCHMARK(openblas_sgemm)->ArgName("n")->Arg(1024)->Apply(all_threads);
BENCHMARK_TEMPLATE(packed_product, float)->ArgName("n")->Arg(1024)->Apply(all_threads);
BENCHMARK(openblas_dgemm)->ArgName("n")->Arg(1024)->Apply(all_threads);
BENCHMARK_TEMPLATE(packed_product, double)->ArgName("n")->Arg(1024)->Apply(all_threads);

}  // namespace
