// SPDX-License-Identifier: MIT
#pragma once

#include <benchmark/benchmark.h>

#include <lift/backend/noise.hpp>
#include <lift/backend/xtensor_backend.hpp>

namespace lift::bench {

using tensor_f = tensor<xtensor_backend, float>;

/// Standard normal numbers that differ for different samples.
inline tensor_f normal(const shape& s, std::uint64_t sample = 0) {
  return normal_noise<tensor_f>(s, random_stream{.seed = 1, .use = purpose::probe}, sample);
}

/// Rates are by the clock on the wall; the CPU column counts all threads.
inline void all_threads(benchmark::internal::Benchmark* b) {
  b->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
}

/// Reports `amount` of work an iteration, in units of 10⁹, as a rate.
inline void report_rate(benchmark::State& state, const char* name, double amount) {
  state.counters[name] =
      benchmark::Counter(amount * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace lift::bench
