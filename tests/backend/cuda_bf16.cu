// SPDX-License-Identifier: MIT
// What cuda_bf16_backend does with bfloat16 images whose channels are last, against its own float32
// images with the channels first, which other tests compare with the CPU's; and networks as it and
// cuda_tf32_backend keep them.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <lift/backend/cuda/cuda_bf16_backend.hpp>
#include <lift/model/stored_network.hpp>
#include <lift/op/attention.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/conv2d_add.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/conv_transpose2d_concat.hpp>
#include <lift/op/group_norm_silu.hpp>
#include <lift/train/loss_and_gradients.hpp>
#include <lift/train/trainer.hpp>

#include "backends.hpp"
#include "hashed.hpp"
#include "relative_l2.hpp"

BOOST_AUTO_TEST_SUITE(cuda_bf16_tests)

using namespace lift;
using namespace lift::test;

namespace {

using tensor_f = tensor<cuda_bf16_backend, float>;
using stored = tensor<cuda_bf16_backend, bfloat16>;
constexpr auto last = memory_layout::channels_last;

/// Numbers in [−1, 1) that bfloat16 has.
tensor_f numbers(const shape& s, std::uint64_t label) {
  std::vector<float> values(s.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(bfloat16(static_cast<float>(hashed_uniform(label, i))));
  return tensor_f(s, values);
}
/// The same as networks keep them.
stored kept(const tensor_f& x) { return x.stored_as<bfloat16>(last); }

template <class Tensor>
std::vector<float> floats(const Tensor& x) {
  const auto host = x.to_host();
  return {host.begin(), host.end()};
}

template <class Want>
void check_close(const stored& got, const Want& want, double tolerance = 6e-3) {
  BOOST_REQUIRE_EQUAL(got.shape(), want.shape());
  BOOST_CHECK(got.shape().rank() < 3 || got.layout() == last);
  BOOST_CHECK_LT(relative_l2(floats(got), floats(want)), tolerance);
}

shape stacked_shape(shape s, std::size_t count) {
  s[0] *= count;
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(group_norms) {
  // Blocks of one group and of several, whose pixels a block's registers hold and do not, and
  // groups whose channels are no packets.
  for (const shape& s : {shape{2, 64, 64, 64}, {1, 128, 64, 64}, {1, 256, 64, 64}, {3, 128, 32, 32},
                         {2, 512, 4, 4}, {2, 192, 9, 5}, {3, 24, 5, 7}, {2, 96, 9, 9},
                         {1, 64, 1, 1}, {2, 1024, 3, 3}})
    BOOST_TEST_CONTEXT(s) {
      const op::group_norm_silu norm;
      const tensor_f x = numbers(s, 1), gamma = numbers(shape{s[1]}, 2),
                     beta = numbers(shape{s[1]}, 3), w = numbers(s, 4),
                     d = numbers(stacked_shape(s, 2), 5), vectors = numbers({s[0], s[1]}, 6),
                     bias = numbers(shape{s[1]}, 7);
      for (const int adds : {0, 1, 32}) BOOST_TEST_CONTEXT("numbers added times " << adds) {
          using addends = op::group_norm_silu::addends<tensor_f>;
          using kept_addends = op::group_norm_silu::addends<stored>;
          const tensor_f larger = scaled(vectors, adds);
          const auto want = norm.forward(x, gamma, beta, adds ? addends{larger, bias} : addends{});
          const auto got =
              norm.forward(kept(x), kept(gamma), kept(beta),
                           adds ? kept_addends{kept(larger), kept(bias)} : kept_addends{});
          check_close(got.value, want.value);
          BOOST_CHECK_LT(relative_l2(floats(got.saved.mean), floats(want.saved.mean)), 1e-4);
          BOOST_CHECK_LT(relative_l2(floats(got.saved.rstd), floats(want.saved.rstd)), 1e-4);
          check_close(norm.jvp(got.saved, {kept(d), {}, {}}), norm.jvp(want.saved, {d, {}, {}}));
          const auto g = norm.vjp(got.saved, kept(w), {true, true, true});
          const auto of = norm.vjp(want.saved, w, {true, true, true});
          for (std::size_t k = 0; k < 3; ++k) check_close(g[k], of[k]);
        }
      const op::group_norm alone;
      check_close(alone.forward(kept(x), kept(gamma), kept(beta)).value,
                  alone.forward(x, gamma, beta).value);
    }
}

BOOST_AUTO_TEST_CASE(group_norms_keep_small_deviations_from_a_large_mean) {
  const shape s{2, 64, 8, 8}, channels{64};
  auto host = numbers(s, 1).to_host();
  for (float& x : host) x = 100 + 4 * std::round(2 * x);  // numbers that bfloat16 has
  const auto gamma = full<tensor_f>(channels, 1), beta = full<tensor_f>(channels, 0);
  const tensor_f x(s, host);
  check_close(op::group_norm().forward(kept(x), kept(gamma), kept(beta)).value,
              op::group_norm().forward(x, gamma, beta).value);
}

BOOST_AUTO_TEST_CASE(attention) {
  for (const auto& [b, heads, depth, height, width] : std::vector<std::array<std::size_t, 5>>{
           {1, 2, 32, 12, 12}, {2, 4, 64, 8, 8}, {1, 4, 128, 4, 4}, {3, 2, 16, 5, 7},
           {1, 2, 24, 9, 11}, {1, 1, 8, 1, 1}, {2, 3, 8, 3, 5}, {1, 1, 72, 6, 13}, {2, 4, 6, 5, 5}})
    BOOST_TEST_CONTEXT(heads << " heads of " << depth << " channels, " << height << "x" << width) {
      const std::size_t channels = heads * depth;
      const shape s{b, 3 * channels, height, width};
      const op::attention attend(heads);
      // Of larger numbers, whose probabilities differ.
      const tensor_f x = scaled(numbers(s, 1), 2), d = numbers(stacked_shape(s, 2), 2),
                     w = numbers({b, channels, height, width}, 3);
      const auto want = attend.forward(x);
      const auto got = attend.forward(kept(x));
      check_close(got.value, want.value);
      check_close(attend.jvp(got.saved, {kept(d)}), attend.jvp(want.saved, {d}), 1.5e-2);
      const auto g = attend.vjp(got.saved, kept(w), {true});
      const auto of = attend.vjp(want.saved, w, {true});
      for (std::size_t part = 0; part < 3; ++part)
        if (height * width > 1 || part == 2)  // of one pixel the others are 0
          check_close(op::channels_of(g[0], part * channels, channels),
                      op::channels_of(of[0], part * channels, channels), 1.5e-2);
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_a_number_is_not_hidden) {
  const shape s{1, 48, 3, 3};
  auto host = numbers(s, 1).to_host();
  host[5 * 9 + 7] = std::nanf("");
  const auto attended = floats(op::attention(2).forward(kept(tensor_f(s, host))).value);
  BOOST_CHECK(std::isnan(attended[7]));
}

BOOST_AUTO_TEST_CASE(convolutions_with_all_that_is_added) {
  for (const auto& [in, out, kernel] : std::vector<std::array<std::size_t, 3>>{
           {16, 24, 3}, {6, 16, 3}, {8, 5, 1}, {64, 64, 3}}) {
    const shape s{2, in, 6, 5}, results{2, out, 6, 5};
    const op::conv2d_add convolution(1, kernel / 2);
    const tensor_f x = numbers(s, 1), a = numbers({out, in, kernel, kernel}, 3),
                   bias = numbers(shape{out}, 4), w = numbers(results, 5);
    for (const tensor_f& r : {numbers(results, 2), numbers({2, out}, 2)})
      BOOST_TEST_CONTEXT(in << " to " << out << " channels, and " << r.shape()) {
        const auto want = convolution.forward(x, r, a, bias);
        const auto got = convolution.forward(kept(x), kept(r), kept(a), kept(bias));
        check_close(got.value, want.value);
        const auto g = convolution.vjp(got.saved, kept(w), {true, true, true, true});
        const auto of = convolution.vjp(want.saved, w, {true, true, true, true});
        for (std::size_t i = 0; i < 4; ++i) check_close(g[i], of[i]);
      }
    const op::conv_transpose2d doubling(2, 1);
    const tensor_f up = numbers({in, out, 4, 4}, 6);
    check_close(doubling.forward(kept(x), kept(up), kept(bias)).value,
                doubling.forward(x, up, bias).value);
  }
}

BOOST_AUTO_TEST_CASE(sums_of_pixels_and_of_channels) {
  for (const shape& s : {shape{3, 64, 9, 5}, {2, 3, 40, 40}, {1, 1032, 3, 3}, {64, 8, 33, 32}})
    BOOST_TEST_CONTEXT(s) {
      const tensor_f x = numbers(s, 1);
      check_close(sum_of_pixels(kept(x)), sum_of_pixels(x));
      check_close(sum_of_channels(kept(x)), sum_of_channels(x));
    }
}

BOOST_AUTO_TEST_CASE(what_is_upsampled_is_joined_with_a_skip_connection) {
  const op::conv_transpose2d_concat doubling(2, 1);
  for (const auto& [out, skipped] : {std::pair<std::size_t, std::size_t>{16, 8}, {24, 5}, {3, 8}})
    BOOST_TEST_CONTEXT(out << " and " << skipped << " channels") {
      const tensor_f x = numbers({2, 16, 5, 3}, 1), z = numbers({2, skipped, 10, 6}, 2),
                     a = numbers({16, out, 4, 4}, 3), bias = numbers(shape{out}, 4),
                     w = numbers({2, out + skipped, 10, 6}, 5), dx = numbers({4, 16, 5, 3}, 6),
                     dz = numbers({4, skipped, 10, 6}, 7);
      const auto want = doubling.forward(x, z, a, bias);
      const auto got = doubling.forward(kept(x), kept(z), kept(a), kept(bias));
      check_close(got.value, want.value);
      BOOST_CHECK(floats(op::channels_of(got.value, out, skipped)) == floats(z));
      check_close(doubling.jvp(got.saved, {kept(dx), kept(dz), {}, {}}),
                  doubling.jvp(want.saved, {dx, dz, {}, {}}));
      const auto g = doubling.vjp(got.saved, kept(w), {true, true, true, true});
      const auto of = doubling.vjp(want.saved, w, {true, true, true, true});
      for (std::size_t i = 0; i < 4; ++i) check_close(g[i], of[i]);
    }
}

BOOST_AUTO_TEST_CASE(channels_are_joined_and_parted) {
  for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{8, 16}, {3, 8}, {5, 7}}) {
    const tensor_f x = numbers({2, a, 3, 5}, 1), y = numbers({2, b, 3, 5}, 2);
    const auto both = op::joined_channels({kept(x), kept(y)});
    BOOST_CHECK(floats(both) == floats(op::joined_channels({x, y})));
    BOOST_CHECK(floats(op::channels_of(both, a, b)) == floats(y));
  }
}

namespace {

/// A LIFT network of two small levels on a backend, its images and timesteps.
template <class Backend>
struct small_network {
  using number = tensor<Backend, float>;

  lift_unet architecture{{.hidden_dims = {16, 32}, .attention_levels = {{1}}}};
  network<lift_unet, number> net{architecture, 1};
  scales<number> x{images({2, 3, 8, 8}, 1), images({2, 3, 4, 4}, 2)};
  scales<timesteps> t{timesteps{500, 20}, timesteps{300, 900}};

  static number images(const shape& s, std::uint64_t label) {
    return number(s, numbers(s, label).to_host());
  }

  auto evaluated() const { return evaluated_network<network<lift_unet, number>>(net); }
  scales<dual_of<number>> along() const {
    return {dual_of<number>{x.fine(), images({4, 3, 8, 8}, 3)},
            dual_of<number>{x.coarse(), images({4, 3, 4, 4}, 4)}};
  }
  /// With inputs and targets times so much.
  auto gradients(double times = 1) const {
    const auto noised_as = [&](const number& input, const timesteps& at, std::uint64_t label) {
      return noised<number>{scaled(input, times), scaled(images(input.shape(), label), times),
                            nn::on_backend<number>(at)};
    };
    const scales batch{noised_as(x.fine(), t.fine(), 5), noised_as(x.coarse(), t.coarse(), 6)};
    return loss_and_gradients(architecture, net.weights, batch, {1, 1});
  }

  /// The mean loss of the last quarter of so many steps of training.
  double trained_loss(std::size_t steps) const {
    const tensor_images<number> source(images({4, 3, 8, 8}, 7));
    trainer training(architecture, training_state<number>(net.weights), source, objective<>{},
                     constant_rate{.rate = 1e-3}, training_options<>{.batch_size = 4});
    double total = 0;
    for (std::size_t step = 0; step < steps; ++step) {
      const auto loss = training.step().loss;
      if (4 * step >= 3 * steps) total += loss.fine() + loss.coarse();
    }
    return 4 * total / static_cast<double>(steps);
  }
};

template <class Tensor>
std::vector<float> all_of(const loss_gradient<Tensor>& found) {
  std::vector<float> values;
  for (const auto& gradient : found.gradients)
    for (const float v : gradient.to_host()) values.push_back(v);
  return values;
}

template <class Tensor>
std::vector<float> joined(const scales<Tensor>& y) {
  std::vector<float> all = y.fine().to_host();
  for (const float v : y.coarse().to_host()) all.push_back(v);
  return all;
}

template <class Backend, int Thousandths>
struct within {
  using backend = Backend;
  static constexpr double tolerance = Thousandths / 1e3;
};
using networks = std::tuple<within<cuda_bf16_backend, 20>, within<cuda_tf32_backend, 2>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(networks_are_near_float32, Which, networks) {
  const small_network<typename Which::backend> small;
  const small_network<cuda_backend> exact;
  const auto rounded = small.evaluated();
  BOOST_CHECK_LT(relative_l2(joined(rounded(small.x, small.t)), joined(exact.net(exact.x, exact.t))),
                 Which::tolerance);
  const auto tangents = [](const auto& y) {
    return joined(scales{y.fine().tangent, y.coarse().tangent});
  };
  BOOST_CHECK_LT(relative_l2(tangents(rounded(small.along(), small.t)),
                             tangents(exact.net(exact.along(), exact.t))),
                 2 * Which::tolerance);
  BOOST_CHECK_LT(relative_l2(all_of(small.gradients()), all_of(exact.gradients())),
                 2 * Which::tolerance);
}

BOOST_AUTO_TEST_CASE(gradients_are_finite_without_scaled_losses) {
  const small_network<cuda_bf16_backend> small;
  for (const double times : {1e3, 1e-6}) {
    const std::vector<float> all = all_of(small.gradients(times));
    BOOST_CHECK(std::ranges::all_of(all, [](float v) { return std::isfinite(v); }));
    BOOST_CHECK(std::ranges::any_of(all, [](float v) { return v != 0; }));
  }
}

BOOST_AUTO_TEST_CASE(a_training_ends_as_in_float32) {
  const std::size_t steps = std::getenv("LIFT_EMULATED_KERNELS") ? 12 : 200;  // emulated ones are slow
  const double exact = small_network<cuda_backend>().trained_loss(steps),
               rounded = small_network<cuda_bf16_backend>().trained_loss(steps);
  BOOST_TEST_MESSAGE(steps << " steps: " << exact << ", in bfloat16 " << rounded);
  BOOST_CHECK_LT(std::abs(rounded / exact - 1), 0.02);
}

namespace {

/// Counts what changes the storage or the layout of tensors.
template <class Products, class N>
struct counting_verbs : detail::cuda_network_verbs<Products, N> {
  using counted = detail::cuda_network_verbs<Products, N>;
  static inline std::size_t changes = 0;

  using counted::for_each;
  template <class To, class From>
  static void for_each(std::size_t n, const kernel::rearrange<To, From>& f, std::size_t cost = 1) {
    ++changes;
    counted::for_each(n, f, cost);
  }
  template <class To, class From>
  static void rearrange_all(std::span<const kernel::rearranged_images<To, From>> all) {
    ++changes;
    counted::rearrange_all(all);
  }

  template <class Work>
  static std::size_t of(const Work& work) {
    changes = 0;
    work();
    return changes;
  }
};
template <class Products, class N>
struct counting_backend : cuda_backend_of<counting_verbs<Products, N>> {
  using network_storage = N;
};

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_rearranged_between_layers) {
  using verbs = counting_verbs<bfloat16_networks, bfloat16>;
  const small_network<counting_backend<bfloat16_networks, bfloat16>> small;
  const auto rounded = small.evaluated();
  // Images on the way in and out, of both scales; of duals their tangents too.
  BOOST_CHECK_EQUAL(verbs::of([&] { rounded(small.x, small.t); }), 4u);
  BOOST_CHECK_EQUAL(verbs::of([&] { rounded(small.along(), small.t); }), 8u);
  // In a training also the seeds, and once all weights and once all gradients.
  BOOST_CHECK_EQUAL(verbs::of([&] { small.gradients(); }), 8u);
  using number = decltype(small)::number;
  const tensor_images<number> images(decltype(small)::images({2, 3, 8, 8}, 1));
  trainer steps(small.architecture, training_state<number>(small.net.weights), images, objective<>{},
                constant_rate{}, training_options<>{.batch_size = 2});
  BOOST_CHECK_EQUAL(verbs::of([&] { steps.step(); }), 8u);
}

BOOST_AUTO_TEST_CASE(in_float32_it_is_around_attention_alone) {
  using verbs = counting_verbs<tf32_products, float>;
  const small_network<counting_backend<tf32_products, float>> small;
  const auto rounded = small.evaluated();
  // Queries, keys and values on the way to each of three layers and what they give on the way back;
  // of derivatives those once more, with their tangents or what comes back.
  BOOST_CHECK_EQUAL(verbs::of([&] { rounded(small.x, small.t); }), 4u + 3 * 2);
  BOOST_CHECK_EQUAL(verbs::of([&] { rounded(small.along(), small.t); }), 8u + 3 * 5);
  BOOST_CHECK_EQUAL(verbs::of([&] { small.gradients(); }), 8u + 3 * 5);
}

BOOST_AUTO_TEST_SUITE_END()
