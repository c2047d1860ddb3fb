// SPDX-License-Identifier: MIT
// The full-size LIFT network (58,475,206 parameters, 64×64 and 32×32): what a user waits for, in
// float32 and, the benchmarks whose names start with bf16_, with weights and all between layers in
// bfloat16.
#include <cstddef>
#include <functional>
#include <string>

#include <lift/analysis/hutchinson.hpp>
#include <lift/model/model.hpp>
#include <lift/model/network.hpp>
#include <lift/model/stored_network.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/trainer.hpp>

#include "benchmark_tensors.hpp"

using namespace lift;
using namespace lift::bench;

namespace {

template <class Tensor>
const auto& full_size() {
  static const evaluated_network<network<lift_unet, Tensor>> net(
      network<lift_unet, Tensor>(lift_unet{}, 1));
  return net;
}

shape fine_shape(std::size_t images) { return {images, 3, 64, 64}; }
shape coarse_shape(std::size_t images) { return {images, 3, 32, 32}; }

template <class Tensor>
scales<Tensor> normal_images(std::size_t images, std::uint64_t sample = 0) {
  return {normal<Tensor>(fine_shape(images), sample),
          normal<Tensor>(coarse_shape(images), sample + 100)};
}

const scales t{timesteps{500}, timesteps{300}};

template <class Tensor>
void forward(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto& net = full_size<Tensor>();
  const auto x = normal_images<Tensor>(batch);
  for (auto _ : state) benchmark::DoNotOptimize(net(x, t));
}

/// Noising, forward, backward, clipping and AdamW; no moving average of the weights.
template <class Tensor>
void training_step(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto clean = normal<Tensor>(fine_shape(batch));
  const objective objective{cosine_schedule(), independent_regime{}};
  const training_options<> options{.batch_size = batch, .average = {.decay = 0}};
  training_state<Tensor> training(network<lift_unet, Tensor>(lift_unet{}, 1).weights);
  training.average = training.weights;  // shared: an average that is the weights takes no memory
  for (auto _ : state) {
    const auto noised = objective.batch<2>(clean, 1, training.step * batch);
    const auto result = loss_and_gradients(lift_unet{}, training.weights, noised, {1, 1});
    update(training, result, 1e-4, options);
  }
}

/// Images from noise by DDIM along the diagonal.
template <class Tensor>
void sampling(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto steps = static_cast<std::size_t>(state.range(1));
  const cosine_schedule schedule;
  const model denoise{std::cref(full_size<Tensor>()), predicts_noise{}, schedule};
  const timestep_path<> path = diagonal{}({}, schedule, steps);
  for (auto _ : state)
    benchmark::DoNotOptimize(generate<Tensor>(denoise, schedule, path, fine_shape(batch)));
}

/// Derivatives of each image's prediction along one direction.
template <class Tensor>
void jvp(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto& net = full_size<Tensor>();
  const auto x = normal_images<Tensor>(batch), u = normal_images<Tensor>(batch, 200);
  const scales along{dual_of<Tensor>{x.fine(), u.fine()}, dual_of<Tensor>{x.coarse(), u.coarse()}};
  for (auto _ : state) benchmark::DoNotOptimize(net(along, t));
}

/// One cell of an error heatmap: `probes` probes of each scale of each image.
template <class Tensor>
void heatmap_point(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const hutchinson_options options{.probes = static_cast<std::size_t>(state.range(1))};
  const auto& net = full_size<Tensor>();
  const auto x = normal_images<Tensor>(batch);
  for (auto _ : state) benchmark::DoNotOptimize(hutchinson(net, x, t, options));
}

template <class Tensor>
void register_all(const std::string& prefix) {
  const auto add = [&](const char* name, void (*run)(benchmark::State&)) {
    return benchmark::RegisterBenchmark((prefix + name).c_str(), run)->Apply(all_threads);
  };
  add("forward", forward<Tensor>)->ArgName("batch")->Arg(1)->Arg(8);
  add("training_step", training_step<Tensor>)->ArgName("batch")->Arg(8);
  add("training_steps", training_step<Tensor>)
      ->ArgName("batch")
      ->Arg(8)
      ->Iterations(3);  // for the memory they take
  add("generate", sampling<Tensor>)->ArgNames({"batch", "steps"})->Args({8, 18});
  add("jvp", jvp<Tensor>)->ArgName("batch")->Arg(1);
  add("heatmap_point", heatmap_point<Tensor>)->ArgNames({"batch", "probes"})->Args({8, 4});
}

const bool registered = [] {
  register_all<tensor_f>("");
  register_all<tensor_bf16>("bf16_");
  return true;
}();

}  // namespace
