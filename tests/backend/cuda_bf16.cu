// SPDX-License-Identifier: MIT
// What cuda_bf16_backend does with bfloat16 images whose channels are last, against its own float32
// images with the channels first, which other tests compare with the CPU's.
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <lift/backend/cuda/cuda_bf16_backend.hpp>
#include <lift/model/stored_network.hpp>
#include <lift/op/attention.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/conv2d_add.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/group_norm_silu.hpp>
#include <lift/train/loss_and_gradients.hpp>

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
                     d = numbers(stacked_shape(s, 2), 5);
      const auto want = norm.forward(x, gamma, beta);
      const auto got = norm.forward(kept(x), kept(gamma), kept(beta));
      check_close(got.value, want.value);
      BOOST_CHECK_LT(relative_l2(floats(got.saved.mean), floats(want.saved.mean)), 1e-4);
      BOOST_CHECK_LT(relative_l2(floats(got.saved.rstd), floats(want.saved.rstd)), 1e-4);
      check_close(norm.jvp(got.saved, {kept(d), {}, {}}), norm.jvp(want.saved, {d, {}, {}}));
      const auto g = norm.vjp(got.saved, kept(w), {true, true, true});
      const auto of = norm.vjp(want.saved, w, {true, true, true});
      for (std::size_t i = 0; i < 3; ++i) check_close(g[i], of[i]);
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

BOOST_AUTO_TEST_CASE(channels_are_joined_and_parted) {
  for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{8, 16}, {3, 8}, {5, 7}}) {
    const tensor_f x = numbers({2, a, 3, 5}, 1), y = numbers({2, b, 3, 5}, 2);
    const auto both = op::joined_channels({kept(x), kept(y)});
    BOOST_CHECK(floats(both) == floats(op::joined_channels({x, y})));
    BOOST_CHECK(floats(op::channels_of(both, a, b)) == floats(y));
  }
}

namespace {

/// A LIFT network of two small levels, its images and timesteps.
struct small_network {
  lift_unet architecture{{.hidden_dims = {16, 32}, .attention_levels = {{1}}}};
  network<lift_unet, tensor_f> net{architecture, 1};
  scales<tensor_f> x{numbers({2, 3, 8, 8}, 1), numbers({2, 3, 4, 4}, 2)};
  scales<timesteps> t{timesteps{500, 20}, timesteps{300, 900}};
};

std::vector<float> joined(const scales<tensor_f>& y) {
  std::vector<float> all = floats(y.fine());
  for (const float v : floats(y.coarse())) all.push_back(v);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_network_and_its_tangents_are_within_two_hundredths_of_float32) {
  const small_network small;
  const evaluated_network<network<lift_unet, tensor_f>> rounded(small.net);
  BOOST_CHECK_LT(relative_l2(joined(rounded(small.x, small.t)), joined(small.net(small.x, small.t))),
                 2e-2);
  using dual_f = dual_of<tensor_f>;
  const scales along{dual_f{small.x.fine(), numbers({4, 3, 8, 8}, 3)},
                     dual_f{small.x.coarse(), numbers({4, 3, 4, 4}, 4)}};
  const auto tangents = [&](const auto& of) {
    const auto y = of(along, small.t);
    return joined(scales{y.fine().tangent, y.coarse().tangent});
  };
  BOOST_CHECK_LT(relative_l2(tangents(rounded), tangents(small.net)), 4e-2);
}

/// Counts what changes the storage or the layout of tensors.
struct counting_verbs : detail::bfloat16_cuda_verbs {
  using counted = detail::bfloat16_cuda_verbs;
  static inline std::size_t changes = 0;

  using counted::for_each;
  template <class To, class From>
  static void for_each(std::size_t n, const kernel::rearrange<To, From>& f, std::size_t cost = 1) {
    ++changes;
    counted::for_each(n, f, cost);
  }
};
struct counting_backend : cuda_backend_of<counting_verbs> {
  using network_storage = bfloat16;
};

BOOST_AUTO_TEST_CASE(nothing_is_rearranged_between_layers) {
  using counted = tensor<counting_backend, float>;
  const small_network small;
  const network<lift_unet, counted> net(small.architecture, 1);
  const auto images = [](const tensor_f& x) { return counted(x.shape(), x.to_host()); };
  const scales x{images(small.x.fine()), images(small.x.coarse())};
  const evaluated_network<network<lift_unet, counted>> rounded(net);
  // Images on the way in and out, of both scales; of duals their tangents too.
  const auto changes_of = [](const auto& work) {
    counting_verbs::changes = 0;
    work();
    return std::exchange(counting_verbs::changes, 0);
  };
  BOOST_CHECK_EQUAL(changes_of([&] { rounded(x, small.t); }), 4u);
  const scales along{dual_of<counted>{x.fine(), x.fine()},
                     dual_of<counted>{x.coarse(), x.coarse()}};
  BOOST_CHECK_EQUAL(changes_of([&] { rounded(along, small.t); }), 8u);
  // In a training also the seeds, and every weight and gradient once.
  const scales batch{
      noised<counted>{x.fine(), x.fine(), nn::on_backend<counted>(small.t.fine())},
      noised<counted>{x.coarse(), x.coarse(), nn::on_backend<counted>(small.t.coarse())}};
  BOOST_CHECK_EQUAL(
      changes_of([&] { loss_and_gradients(small.architecture, net.weights, batch, {1, 1}); }),
      6 + 2 * net.weights.size());
}

BOOST_AUTO_TEST_SUITE_END()
