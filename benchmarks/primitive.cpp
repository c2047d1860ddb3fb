// SPDX-License-Identifier: MIT
// The primitives at the shapes of the full-size network, with the rate of arithmetic (GFLOP/s) or
// of memory traffic (GB/s), next to the machine's own rate for one matrix product. Names that start
// with bf16_ are of bfloat16 tensors with the channels last.
#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>

#include <lift/ad/apply.hpp>
#include <lift/op/attention.hpp>
#include <lift/op/conv2d.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/group_norm.hpp>
#include <lift/op/silu.hpp>

#include "benchmark_tensors.hpp"

using namespace lift;
using namespace lift::bench;

namespace {

std::size_t argument(const benchmark::State& state, std::size_t i) {
  return static_cast<std::size_t>(state.range(i));
}

/// Two n×n matrices: the ceiling for convolutions and attention.
void matrix_product(benchmark::State& state) {
  const std::size_t n = argument(state, 0);
  const auto a = normal({n, n}), b = normal({n, n}, n);
  tensor_f c({n, n});
  for (auto _ : state)
    xtensor_backend::gemm(1, n, n, n, 1.0f, {a.data(), n}, {b.data(), n}, 0.0f,
                          matrices<float>{c.mutable_data(), n});
  report_rate(state, "GFLOP/s", 2.0 * static_cast<double>(n * n * n));
}

/// Products of bfloat16 factors that stay in a core's first-level cache, on all cores: the ceiling
/// for convolutions and attention in bfloat16.
void bf16_products(benchmark::State& state) {
  constexpr std::size_t stored = 4, steps = 32, repeats = 500;  // the stored steps again and again
  constexpr std::size_t tile = detail::tile_side * detail::tile_side;
  detail::work_buffer<bfloat16> left(stored * 4 * tile);
  detail::work_buffer<detail::bfloat16_pair> right(stored * 2 * tile);
  std::fill(left.begin(), left.end(), bfloat16(0.5f));
  std::fill(right.begin(), right.end(), detail::bfloat16_pair{0x3f003f00});  // 0.5 and 0.5
  std::uint32_t left_starts[steps], right_starts[steps];
  for (std::size_t i = 0; i < steps; ++i) {
    left_starts[i] = static_cast<std::uint32_t>(i % stored * 4 * tile);
    right_starts[i] = static_cast<std::uint32_t>(i % stored * 2 * tile);
  }
  const detail::bfloat16_factors factors{
      .left = {left.data(), left.data() + 2 * tile},
      .left_pitch = detail::step_depth,
      .right = {right.data(), right.data() + tile},
      .right_pitch = detail::tile_side,
      .steps = steps,
      .left_steps = left_starts,
      .right_steps = right_starts};
  const std::size_t threads = default_thread_pool().size();
  for (auto _ : state)
    default_thread_pool().run(threads, [&](std::size_t) {
      const detail::bfloat16_products_here products;
      alignas(64) float sums[detail::product_side * detail::product_side];
      for (std::size_t i = 0; i < repeats; ++i)
        products.multiply(factors, sums, detail::product_side);
    });
  constexpr std::size_t terms = detail::product_side * detail::product_side * detail::step_depth;
  report_rate(state, "GFLOP/s", 2.0 * static_cast<double>(threads * repeats * steps * terms));
  state.SetLabel(detail::bfloat16_unit_in_use()->name);
}

/// The convolutions of the network by the number of channels in and out, the image's size, and
/// the kernel: 3×3, 1×1, or 4×4 that halves (conv2d) or doubles (conv_transpose2d) the size.
struct layer {
  std::size_t batch, in, out, size, kernel;
  explicit layer(const benchmark::State& state)
      : batch(argument(state, 0)),
        in(argument(state, 1)),
        out(argument(state, 2)),
        size(argument(state, 3)),
        kernel(argument(state, 4)) {}
  std::size_t stride() const { return kernel == 4 ? 2 : 1; }
  std::size_t padding() const { return kernel == 1 ? 0 : 1; }
};

template <class Op, class Tensor>
struct convolution_case {
  layer l;
  Op op{l.stride(), l.padding()};
  Tensor x = normal<Tensor>({l.batch, l.in, l.size, l.size}), a, y;
  explicit convolution_case(const benchmark::State& state) : l(state) {
    const bool transposed = std::is_same_v<Op, op::conv_transpose2d>;
    a = transposed ? normal<Tensor>({l.in, l.out, l.kernel, l.kernel}, 1)
                   : normal<Tensor>({l.out, l.in, l.kernel, l.kernel}, 1);
    y = op.product(x, a);
  }
  void report(benchmark::State& state) const {
    // Every weight meets every pixel of the smaller of the two images once.
    const std::size_t pixels = std::min(x.size() / l.in, y.size() / l.out);
    report_rate(state, "GFLOP/s", 2.0 * static_cast<double>(pixels * a.size()));
  }
};

template <class Op, class Tensor>
void convolution(benchmark::State& state) {
  const convolution_case<Op, Tensor> c(state);
  for (auto _ : state) benchmark::DoNotOptimize(c.op.product(c.x, c.a));
  c.report(state);
}
template <class Op, class Tensor>
void convolution_image_gradient(benchmark::State& state) {
  const convolution_case<Op, Tensor> c(state);
  for (auto _ : state) benchmark::DoNotOptimize(c.op.image_gradient(c.y, c.a, c.x.shape()));
  c.report(state);
}
template <class Op, class Tensor>
void convolution_weight_gradient(benchmark::State& state) {
  const convolution_case<Op, Tensor> c(state);
  for (auto _ : state) benchmark::DoNotOptimize(c.op.weight_gradient(c.x, c.y, c.a));
  c.report(state);
}

/// Multi-head attention of an image with `channels` channels.
template <class Tensor>
struct attention_case {
  std::size_t batch, channels, size;
  op::attention op{4};
  Tensor qkv;
  explicit attention_case(const benchmark::State& state)
      : batch(argument(state, 0)),
        channels(argument(state, 1)),
        size(argument(state, 2)),
        qkv(normal<Tensor>({batch, 3 * channels, size, size})) {}
  /// Each of the matrix products takes 2·C·n² operations for n pixels.
  void report(benchmark::State& state, double products) const {
    const std::size_t pixels = size * size;
    report_rate(state, "GFLOP/s",
                2 * products * static_cast<double>(batch * channels * pixels * pixels));
  }
};

template <class Tensor>
void attention(benchmark::State& state) {
  const attention_case<Tensor> c(state);
  for (auto _ : state) benchmark::DoNotOptimize(apply(c.op, c.qkv));
  c.report(state, 2);
}
/// What the derivative recomputes of the value is not counted as its work.
template <class Tensor>
void attention_gradient(benchmark::State& state) {
  const attention_case<Tensor> c(state);
  const auto primal = c.op.forward(c.qkv);
  const auto w = normal<Tensor>(primal.value.shape(), 1);
  for (auto _ : state) benchmark::DoNotOptimize(c.op.vjp(primal.saved, w, {true}));
  c.report(state, 4);
}

/// Rates of memory-bound primitives count each input and output once.
void group_norm(benchmark::State& state) {
  const std::size_t batch = argument(state, 0), channels = argument(state, 1);
  const auto x = normal({batch, channels, argument(state, 2), argument(state, 2)});
  const auto gamma = normal({channels}), beta = normal({channels}, 1);
  for (auto _ : state) benchmark::DoNotOptimize(apply(op::group_norm{}, x, gamma, beta));
  report_rate(state, "GB/s", 8.0 * static_cast<double>(x.size()));
}
void silu(benchmark::State& state) {
  const auto x =
      normal({argument(state, 0), argument(state, 1), argument(state, 2), argument(state, 2)});
  for (auto _ : state) benchmark::DoNotOptimize(apply(op::silu{}, x));
  report_rate(state, "GB/s", 8.0 * static_cast<double>(x.size()));
}

void same_size_layers(benchmark::internal::Benchmark* b) {
  all_threads(b);
  b->ArgNames({"batch", "in", "out", "size", "kernel"});
  for (const std::int64_t batch : {1, 8})
    b->Args({batch, 6, 64, 64, 3})
        ->Args({batch, 64, 64, 64, 3})
        ->Args({batch, 128, 128, 32, 3})
        ->Args({batch, 256, 256, 16, 3})
        ->Args({batch, 512, 512, 8, 3})
        ->Args({batch, 1024, 512, 8, 3})
        ->Args({batch, 512, 512, 4, 3})
        ->Args({batch, 128, 384, 32, 1})
        ->Args({batch, 64, 64, 64, 4})
        ->Args({batch, 512, 512, 8, 4});
}
void doubling_layers(benchmark::internal::Benchmark* b) {
  all_threads(b);
  b->ArgNames({"batch", "in", "out", "size", "kernel"});
  for (const std::int64_t batch : {1, 8})
    b->Args({batch, 512, 512, 4, 4})
        ->Args({batch, 256, 256, 16, 4})
        ->Args({batch, 128, 128, 32, 4});
}
void images(benchmark::internal::Benchmark* b) {
  all_threads(b);
  b->ArgNames({"batch", "channels", "size"});
  for (const std::int64_t batch : {1, 8}) b->Args({batch, 128, 32})->Args({batch, 256, 16});
}

BENCHMARK(matrix_product)->ArgName("n")->Arg(1024)->Apply(all_threads);
BENCHMARK(bf16_products)->Apply(all_threads);
BENCHMARK(group_norm)->Apply(images)->Args({8, 64, 64});
BENCHMARK(silu)->Apply(images)->Args({8, 64, 64});

template <class Tensor>
void register_products(const std::string& prefix) {
  const auto add = [&](const char* name, void (*run)(benchmark::State&)) {
    return benchmark::RegisterBenchmark((prefix + name).c_str(), run);
  };
  const auto add_convolution = [&]<class Op>(std::type_identity<Op>, const std::string& name,
                                             auto layers) {
    add(name.c_str(), convolution<Op, Tensor>)->Apply(layers);
    add((name + "_image_gradient").c_str(), convolution_image_gradient<Op, Tensor>)->Apply(layers);
    add((name + "_weight_gradient").c_str(), convolution_weight_gradient<Op, Tensor>)
        ->Apply(layers);
  };
  add_convolution(std::type_identity<op::conv2d>(), "conv2d", same_size_layers);
  add_convolution(std::type_identity<op::conv_transpose2d>(), "conv_transpose2d", doubling_layers);
  add("attention", attention<Tensor>)->Apply(images);
  add("attention_gradient", attention_gradient<Tensor>)->Apply(images);
}

const bool registered = [] {
  register_products<tensor_f>("");
  register_products<stored_bf16>("bf16_");
  return true;
}();

}  // namespace
