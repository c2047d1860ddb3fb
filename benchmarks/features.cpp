// SPDX-License-Identifier: MIT
// Features of images of 64×64, from pixels to the means of the deepest activations, of networks whose weights are hashed.
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lift/metric/inception.hpp>
#include <lift/metric/pooled_activations.hpp>
#include <lift/metric/vgg16.hpp>

#include "../tests/hashed.hpp"
#include "benchmark_tensors.hpp"

using namespace lift;
using namespace lift::bench;

namespace {

/// Kernels uniform with the variance 2/(elements of one output's), biases with the deviation 0.06.
template <class Network>
parameters<tensor_f> hashed_weights() {
  std::vector<parameters<tensor_f>::entry> entries;
  for (const auto& d : declared_features(Network{})) {
    const double fan_in = static_cast<double>(d.shape.size() / d.shape[0]);
    const double bound = d.shape.rank() > 1 ? std::sqrt(6 / fan_in) : 0.1;
    entries.push_back({d.name, tensor_f(d.shape, test::hashed_numbers(d.name, d.shape.size(), bound))});
  }
  return parameters<tensor_f>(std::move(entries));
}

/// `check` is the mean square of the features.
template <class Network>
void features(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const pooled_activations<Network, tensor_f> extract(hashed_weights<Network>());
  const std::vector<float> images = test::hashed_numbers("images", batch * 3 * 64 * 64, 1);
  std::vector<float> found;
  for (auto _ : state) found = extract({images, batch, 3, 64, 64});
  double sum = 0;
  for (const float x : found) sum += static_cast<double>(x) * x;
  state.counters["check"] = sum / static_cast<double>(found.size());
}

BENCHMARK(features<vgg16>)->Name("vgg16")->ArgName("batch")->Arg(8)->Apply(all_threads);
BENCHMARK(features<inception>)->Name("inception")->ArgName("batch")->Arg(8)->Apply(all_threads);

}  // namespace
