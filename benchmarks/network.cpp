// SPDX-License-Identifier: MIT
// The full-size LIFT network (58,475,206 parameters, 64×64 and 32×32): what a user waits for.
#include <cstddef>
#include <functional>

#include <lift/analysis/hutchinson.hpp>
#include <lift/model/model.hpp>
#include <lift/model/network.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/trainer.hpp>

#include "benchmark_tensors.hpp"

using namespace lift;
using namespace lift::bench;

namespace {

network<lift_unet, tensor_f>& full_size() {
  static network<lift_unet, tensor_f> net(lift_unet{}, 1);
  return net;
}

shape fine_shape(std::size_t images) { return {images, 3, 64, 64}; }
shape coarse_shape(std::size_t images) { return {images, 3, 32, 32}; }

scales<tensor_f> normal_images(std::size_t images, std::uint64_t sample = 0) {
  return {normal(fine_shape(images), sample), normal(coarse_shape(images), sample + 100)};
}

const scales t{timesteps{500}, timesteps{300}};

void forward(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto& net = full_size();
  const auto x = normal_images(batch);
  for (auto _ : state) benchmark::DoNotOptimize(net(x, t));
}

/// Noising, forward, backward, clipping and AdamW; no moving average of the weights.
void training_step(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto clean = normal(fine_shape(batch));
  const objective objective{cosine_schedule(), independent_regime{}};
  const training_options<> options{.batch_size = batch, .average = {.decay = 0}};
  training_state<tensor_f> training(network<lift_unet, tensor_f>(lift_unet{}, 1).weights);
  training.average = training.weights;  // shared: an average that is the weights takes no memory
  for (auto _ : state) {
    const auto noised = objective.batch<2>(clean, 1, training.step * batch);
    const auto result = loss_and_gradients(lift_unet{}, training.weights, noised, {1, 1});
    update(training, result, 1e-4, options);
  }
}

/// Images from noise by DDIM along the diagonal.
void sampling(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto steps = static_cast<std::size_t>(state.range(1));
  const cosine_schedule schedule;
  const model denoise{std::cref(full_size()), predicts_noise{}, schedule};
  const timestep_path<> path = diagonal{}({}, schedule, steps);
  for (auto _ : state)
    benchmark::DoNotOptimize(generate<tensor_f>(denoise, schedule, path, fine_shape(batch)));
}

/// Derivatives of each image's prediction along one direction.
void jvp(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto& net = full_size();
  const auto x = normal_images(batch), u = normal_images(batch, 200);
  const scales along{dual_of<tensor_f>{x.fine(), u.fine()},
                     dual_of<tensor_f>{x.coarse(), u.coarse()}};
  for (auto _ : state) benchmark::DoNotOptimize(net(along, t));
}

/// One cell of an error heatmap: `probes` probes of each scale of each image.
void heatmap_point(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const hutchinson_options options{.probes = static_cast<std::size_t>(state.range(1))};
  const auto& net = full_size();
  const auto x = normal_images(batch);
  for (auto _ : state) benchmark::DoNotOptimize(hutchinson(net, x, t, options));
}

BENCHMARK(forward)->ArgName("batch")->Arg(1)->Arg(8)->Apply(all_threads);
BENCHMARK(training_step)->ArgName("batch")->Arg(8)->Apply(all_threads);
BENCHMARK(training_step)->Name("training_steps")->ArgName("batch")->Arg(8)->Iterations(3)
    ->Apply(all_threads);  // for the memory they take
BENCHMARK(sampling)->Name("generate")->ArgNames({"batch", "steps"})->Args({8, 18})
    ->Apply(all_threads);
BENCHMARK(jvp)->ArgName("batch")->Arg(1)->Apply(all_threads);
BENCHMARK(heatmap_point)->ArgNames({"batch", "probes"})->Args({8, 4})->Apply(all_threads);

}  // namespace
