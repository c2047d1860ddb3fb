// SPDX-License-Identifier: MIT
// How far the full-size network's results are from those of tests/golden, relative L2, the largest of
// three pairs of timesteps, for the fine and the coarse scale: in float32, and with weights and all
// between layers in bfloat16.
#include <algorithm>
#include <string>

#include <lift/io/safetensors.hpp>
#include <lift/model/model.hpp>
#include <lift/model/stored_network.hpp>

#include "benchmark_tensors.hpp"
#include "hashed.hpp"
#include "relative_l2.hpp"

using namespace lift;
using namespace lift::bench;

namespace {

template <class Tensor>
Tensor golden(const safetensors& file, const std::string& name) {
  const host_tensor& values = file.at(name);
  return Tensor(values.dims, values.template as<float>());
}

template <class Tensor>
void accuracy(benchmark::State& state) {
  const safetensors file = read_safetensors(LIFT_GOLDEN_FOLDER "/lift_full.safetensors");
  const evaluated_network<network<lift_unet, Tensor>> net(
      test::hashed_network<Tensor>(lift_unet{}, "lift.full."));
  const scales x{golden<Tensor>(file, "x_fine"), golden<Tensor>(file, "x_coarse")};
  double fine = 0, coarse = 0;
  for (auto _ : state)
    for (const std::string i : {".0", ".1", ".2"}) {
      const auto t = file.at("t" + i).template as<double>();
      const auto y = net(x, scales{timesteps{t[0]}, timesteps{t[1]}});
      const auto from = [&](const Tensor& got, const std::string& name) {
        return test::relative_l2(got.to_host(), golden<Tensor>(file, name + i).to_host());
      };
      fine = std::max(fine, from(y.fine(), "out_fine"));
      coarse = std::max(coarse, from(y.coarse(), "out_coarse"));
    }
  state.counters["fine"] = fine;
  state.counters["coarse"] = coarse;
}

BENCHMARK(accuracy<tensor_f>)->Name("float32")->Iterations(1)->Apply(all_threads);
BENCHMARK(accuracy<tensor_bf16>)->Name("bfloat16")->Iterations(1)->Apply(all_threads);

}  // namespace
