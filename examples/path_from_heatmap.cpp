// SPDX-License-Identifier: MIT
// A path from a heatmap: where should each step of the two scales go, given where a network errs?
// These headers need the standard library alone.

#include <cmath>
#include <cstdio>

#include <lift/path/diagonal.hpp>
#include <lift/path/dp.hpp>
#include <lift/path/greedy.hpp>
#include <lift/schedule/cosine.hpp>

// A made-up heatmap: the fine scale errs least where the coarse one is about as noisy.
lift::error_heatmap<> made_up_heatmap(const lift::cosine_schedule& schedule) {
  constexpr std::size_t n = 15;
  lift::error_heatmap<> heatmap;
  heatmap.of(0) = heatmap.of(1) = lift::grid(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    heatmap.gamma.push_back(std::pow(10.0, -2 + 4.0 * static_cast<double>(i) / (n - 1)));
    heatmap.timesteps.push_back(lift::timestep_from_snr(schedule, heatmap.gamma[i]));
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double apart = std::log10(heatmap.gamma[j] / heatmap.gamma[i]) - 0.6;
      heatmap.of(0)(i, j) = (1 + apart * apart) / heatmap.gamma[i];
      heatmap.of(1)(i, j) = 0.3 / heatmap.gamma[j];
    }
  return heatmap;
}

int main() {
  const lift::cosine_schedule schedule;
  const lift::error_heatmap<> heatmap = made_up_heatmap(schedule);
  constexpr std::size_t steps = 10;

  const auto show = [&](const char* name, const auto& policy) {
    std::printf("%-9s", name);
    for (const auto& t : policy(heatmap, schedule, steps))
      std::printf(" %3g/%-3g", t.fine(), t.coarse());
    std::printf("\n");
  };
  std::printf("timesteps, fine/coarse:\n");
  show("diagonal", lift::diagonal{});
  show("greedy", lift::greedy{});
  show("DP-64", lift::dp_64{});
  show("DP-total", lift::dp_total{});
}
