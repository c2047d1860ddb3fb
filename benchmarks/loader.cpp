// SPDX-License-Identifier: MIT
// From a zip file of images to batches of 64×64 and 32×32. Usage: benchmark_loader IMAGES
#include <algorithm>
#include <cstddef>
#include <iostream>
#include <span>
#include <string>

#include <lift/analysis/sample_mean.hpp>
#include <lift/io/dataset.hpp>
#include <lift/pyramid/copies.hpp>

#include "benchmark_tensors.hpp"

using namespace lift;
using namespace lift::bench;

namespace {

/// Images first … last − 1 in [−1, 1], (B, 3, S, S).
tensor_f normalised(const image_dataset& data, std::size_t first, std::size_t last) {
  tensor_f fine({last - first, 3, data.sides().height, data.sides().width});
  const std::size_t length = fine.size() / (last - first);
  const std::span values(fine.mutable_data(), fine.size());
  for (std::size_t i = first; i < last; ++i)
    data.normalised(i, values.subspan((i - first) * length, length));
  return fine;
}

/// Reads all images and makes all their batches; `check` is the mean square of the last coarse one.
void loader(benchmark::State& state, const std::string& images) {
  const std::size_t batch = 64;
  tensor_f coarse;
  for (auto _ : state) {
    const image_dataset data(images, {.size = 64});
    for (std::size_t first = 0; first < data.size(); first += batch)
      coarse = coarsen(normalised(data, first, std::min(first + batch, data.size())));
  }
  state.counters["check"] = mean_of(image_sums(kernel::square{}, coarse)).mean /
                            static_cast<double>(coarse.size() / coarse.shape()[0]);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " IMAGES [--benchmark_...]\n";
    return 2;
  }
  benchmark::RegisterBenchmark("loader", loader, std::string(argv[1]))->Apply(all_threads);
  benchmark::RunSpecifiedBenchmarks();
}
