// SPDX-License-Identifier: MIT
// The machine's rate for one matrix product: OpenBLAS in threads of its own.
#include <cstddef>
#include <vector>

#include <cblas.h>

#include "benchmark_options.hpp"

using namespace lift::bench;

namespace {

/// Two n×n matrices; the label is the processor that OpenBLAS has its kernels from.
void openblas_sgemm(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto side = static_cast<blasint>(n);
  std::vector<float> a(n * n), b(n * n), c(n * n);
  for (std::size_t i = 0; i < n * n; ++i) {
    a[i] = static_cast<float>(i % 7) - 3;
    b[i] = static_cast<float>(i % 5) - 2;
  }
  for (auto _ : state) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, side, side, side, 1, a.data(), side,
                b.data(), side, 0, c.data(), side);
    benchmark::ClobberMemory();
  }
  state.SetLabel(openblas_get_corename());
  report_rate(state, "GFLOP/s", 2.0 * static_cast<double>(n * n * n));
}

BENCHMARK(openblas_sgemm)->ArgName("n")->Arg(1024)->Apply(all_threads);

}  // namespace
