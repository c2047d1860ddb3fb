// SPDX-License-Identifier: MIT
#pragma once

#include <benchmark/benchmark.h>

namespace lift::bench {

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
