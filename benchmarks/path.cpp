// SPDX-License-Identifier: MIT
// Path search on heatmaps of the sizes in use: 15×15 over log-SNR, 30×30 over timesteps.
#include <cmath>
#include <cstddef>

#include <lift/path/dp.hpp>
#include <lift/path/greedy.hpp>
#include <lift/path/n_step.hpp>
#include <lift/schedule/cosine.hpp>

#include "benchmark_options.hpp"

using namespace lift;

namespace {

/// A smooth heatmap over γ from 0.01 to 100 whose cheapest path is not the diagonal.
error_heatmap<> smooth_heatmap(std::size_t n) {
  const auto schedule = cosine_schedule();
  error_heatmap<> heatmap;
  heatmap.of(0) = heatmap.of(1) = grid(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(n - 1);
    heatmap.gamma.push_back(std::pow(10.0, 4 * part - 2));
    heatmap.timesteps.push_back(timestep_from_snr(schedule, heatmap.gamma[i]));
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double fine = heatmap.gamma[i], coarse = heatmap.gamma[j];
      heatmap.of(0)(i, j) = 1 / (1 + fine) + 0.5 / (1 + fine * coarse);
      heatmap.of(1)(i, j) = 1 / (1 + coarse) + 0.1 / (1 + fine * coarse);
    }
  return heatmap;
}

template <class Policy>
void path_search(benchmark::State& state, const Policy& policy, std::size_t points) {
  const auto heatmap = smooth_heatmap(points);
  const auto schedule = cosine_schedule();
  for (auto _ : state) benchmark::DoNotOptimize(policy(heatmap, schedule, 18));
}

/// The searches of benchmarks/peers/paths.py, by the reference's rules, on the same heatmaps;
/// `check` is the sum of what the four paths cost.
void searches(benchmark::State& state) {
  const auto small = smooth_heatmap(15), large = smooth_heatmap(30);
  double cost = 0;
  for (auto _ : state) {
    cost = dp_64::reference().solve(small).cost + dp_total::reference().solve(small).cost +
           cheapest_n_step_path(large, path_cost::total, 18, 5).cost;
    for (const cell<>& c : greedy::reference().cells(small)) cost += small.fine()[c];
    benchmark::DoNotOptimize(cost);
  }
  state.counters["check"] = cost;
}

BENCHMARK(searches)->Apply(bench::all_threads);
BENCHMARK_CAPTURE(path_search, greedy/15, greedy{}, 15);
BENCHMARK_CAPTURE(path_search, dp_64/15, dp_64{}, 15);
BENCHMARK_CAPTURE(path_search, dp_total/15, dp_total{}, 15);
BENCHMARK_CAPTURE(path_search, n_step_total/30, n_step_total{}, 30);

}  // namespace
