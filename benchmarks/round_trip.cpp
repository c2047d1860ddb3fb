// SPDX-License-Identifier: MIT
// How far apart two processors are: what a message from one to the other and back takes, through the
// caches. About 50 ns between the two threads of a core, 100 ns between cores with a cache in common,
// several hundred across the chip; a virtual machine's processors move from one to the other.
#include <atomic>
#include <thread>

#include <sched.h>

#include "benchmark_options.hpp"

namespace {

/// Moves the calling thread to the n-th of the processors that it may run on, one of them.
void move_to_processor(int n, const cpu_set_t& allowed) {
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && n-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof(one), &one);
    }
}

void round_trip(benchmark::State& state) {
  constexpr int end = -1;
  alignas(128) std::atomic<int> call = 0;
  alignas(128) std::atomic<int> answer = 0;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) < 2) {
    state.SkipWithError("there are no two processors");
    return;
  }
  std::jthread other([&] {
    move_to_processor(1, allowed);
    for (int last = 0; last != end;) {
      const int next = call.load(std::memory_order_acquire);
      if (next == last) continue;
      last = next;
      answer.store(last, std::memory_order_release);
    }
  });
  move_to_processor(0, allowed);
  int n = 0;
  const auto send = [&](int message) {
    call.store(message, std::memory_order_release);
    while (answer.load(std::memory_order_acquire) != message) continue;
  };
  send(++n);  // the other thread has started
  for (auto _ : state) send(n = n % 1000000 + 1);
  send(end);
  sched_setaffinity(0, sizeof(allowed), &allowed);
}

BENCHMARK(round_trip)->UseRealTime();

}  // namespace
