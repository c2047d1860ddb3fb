// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <lift/analysis/hutchinson.hpp>
#include <lift/backend/cpu/bfloat16_group_norm.hpp>
#include <lift/backend/cpu/xtensor_bf16_backend.hpp>
#include <lift/model/stored_network.hpp>
#include <lift/train/trainer.hpp>

#include "backend/convolution_cases.hpp"
#include "message_of.hpp"
#include "op/primitives.hpp"
#include "op/stored_primitives.hpp"

BOOST_AUTO_TEST_SUITE(bfloat16_tests)

using namespace lift;
using namespace lift::test;

namespace {

using tensor_bf16 = tensor<xtensor_bf16_backend, float>;
using stored_bf16 = tensor<xtensor_bf16_backend, bfloat16>;
namespace products = lift::detail;

/// Random factors of a product in 7 steps, rows and steps further apart than they must be.
struct random_factors {
  static constexpr std::size_t steps = 7, left_pitch = steps * products::step_depth + 8,
                               right_pitch = 40;
  std::vector<bfloat16> left = std::vector<bfloat16>(products::product_side * left_pitch);
  std::vector<products::bfloat16_pair> right =
      std::vector<products::bfloat16_pair>(steps * products::tile_side * right_pitch);
  std::vector<std::uint32_t> left_steps, right_steps;

  random_factors() {
    const auto numbers = random_tensor<plain_f>(shape{left.size() + 2 * right.size()}, 1).to_host();
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = bfloat16(numbers[i]);
    for (std::size_t i = 0; i < right.size(); ++i) {
      const float* const pair = numbers.data() + left.size() + 2 * i;
      right[i] = bfloat16(pair[0]).bits | std::uint32_t{bfloat16(pair[1]).bits} << 16;
    }
    for (std::size_t i = 0; i < steps; ++i) {  // in no order
      left_steps.push_back(static_cast<std::uint32_t>(i * 3 % steps * products::step_depth));
      right_steps.push_back(
          static_cast<std::uint32_t>(i * 5 % steps * products::tile_side * right_pitch));
    }
  }

  products::bfloat16_factors of(std::size_t rows, std::size_t columns, std::size_t count) const {
    return {
        .left = {left.data(), rows > 1 ? left.data() + products::tile_side * left_pitch : nullptr},
        .left_pitch = left_pitch,
        .right = {right.data(), columns > 1 ? right.data() + products::tile_side : nullptr},
        .right_pitch = right_pitch,
        .steps = count,
        .left_steps = left_steps.data(),
        .right_steps = right_steps.data()};
  }
  /// What the sum in row i and column j is.
  double sum(std::size_t i, std::size_t j, std::size_t count) const {
    double total = 0;
    for (std::size_t step = 0; step < count; ++step)
      for (std::size_t k = 0; k < products::step_depth; ++k) {
        const products::bfloat16_pair pair = right[right_steps[step] + k / 2 * right_pitch + j];
        bfloat16 factor;
        factor.bits = static_cast<std::uint16_t>(k % 2 == 0 ? pair : pair >> 16);
        total += double(float(left[i * left_pitch + left_steps[step] + k])) * double(float(factor));
      }
    return total;
  }
};

/// A LIFT network of two small levels, and what it makes of images of noise.
template <class Tensor>
struct small_network {
  lift_unet architecture{{.hidden_dims = {16, 32}, .attention_levels = {{1}}}};
  network<lift_unet, Tensor> net{architecture, 1};

  static Tensor images(std::size_t size) { return random_tensor<Tensor>({4, 3, size, size}, 1); }

  /// The network as its backend evaluates it.
  auto evaluated() const { return evaluated_network<network<lift_unet, Tensor>>(net); }

  std::vector<double> outputs() const { return outputs(net); }
  static std::vector<double> outputs(const auto& of) {
    const auto y = of(scales<Tensor>{images(8), images(4)}, scales{timesteps{500}, timesteps{300}});
    std::vector<double> all;
    for (const auto& each : y)
      for (const auto x : each.to_host()) all.push_back(static_cast<double>(x));
    return all;
  }

  /// The mean loss of the last 50 of 200 steps of training.
  double trained_loss() const {
    const objective objective{cosine_schedule(), independent_regime{}};
    const training_options<> options{.batch_size = 4, .average = {.decay = 0}};
    training_state<Tensor> training(net.weights);
    double total = 0;
    for (std::size_t step = 0; step < 200; ++step) {
      const auto noised = objective.template batch<2>(images(8), 1, training.step * 4);
      const auto result = loss_and_gradients(architecture, training.weights, noised, {1, 1});
      if (step >= 150)
        for (const Tensor& loss : result.loss) total += static_cast<double>(loss.to_host()[0]);
      update(training, result, 1e-3, options);
    }
    return total / 50;
  }
};

/// Draws tensors of numbers that bfloat16 has.
template <class Tensor>
auto drawn(memory_layout layout) {
  return [layout](const shape& s, std::uint32_t label) { return stored<Tensor>(s, label, layout); };
}

/// Calls body with each unit of this processor in use.
void with_each_unit(const auto& body) {
  const auto* const fastest = products::bfloat16_unit_in_use();
  for (const auto& unit : products::bfloat16_units()) {
    products::bfloat16_unit_in_use() = &unit;
    BOOST_TEST_CONTEXT(unit.name) body();
  }
  products::bfloat16_unit_in_use() = fastest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_unit_makes_the_same_products) {
  const random_factors factors;
  constexpr std::size_t side = products::product_side, pitch = side + 3;
  BOOST_CHECK_EQUAL(products::bfloat16_units().back().name, "float32");
  for (const auto& unit : products::bfloat16_units())
    for (const std::size_t rows : {std::size_t{1}, std::size_t{2}})
      for (const std::size_t columns : {std::size_t{1}, std::size_t{2}})
        for (const std::size_t count : {std::size_t{0}, std::size_t{1}, random_factors::steps})
          for (const bool add : {false, true})
            BOOST_TEST_CONTEXT(unit.name << ": " << rows << " times " << columns << " tiles, "
                                         << count << " steps") {
              std::vector<float> sums(side * pitch, 100.0f);
              const products::bfloat16_products_here here(unit);
              here.multiply(factors.of(rows, columns, count), sums.data(), pitch, add);
              for (std::size_t i = 0; i < side; ++i)
                for (std::size_t j = 0; j < pitch; ++j) {
                  const bool present =
                      i < rows * products::tile_side && j < columns * products::tile_side;
                  const double want = present ? factors.sum(i, j, count) + (add ? 100 : 0) : 100;
                  BOOST_REQUIRE_SMALL(double(sums[i * pitch + j]) - want, present ? 1e-4 : 0.0);
                }
            }
}

BOOST_AUTO_TEST_CASE(rough_functions_are_within_what_they_say) {
  using batch = xsimd::batch<float>;
  const auto of = [](auto f, float x) {
    float y[batch::size];
    f(batch(x)).store_unaligned(y);
    for (const float lane : y) BOOST_REQUIRE(lane == y[0] || std::isnan(x));
    return y[0];
  };
  const auto exp2 = [](const batch& x) { return products::rough_exp2(x); };
  const auto inverse = [](const batch& x) { return products::rough_inverse(x); };
  for (float x = -125.99f; x < 127.9f; x += 0.0137f) {
    const double want = std::exp2(double(x));
    BOOST_REQUIRE_SMALL(of(exp2, x) / want - 1, 3e-4);
    if (x <= 126) BOOST_REQUIRE_SMALL(of(inverse, float(want)) * want - 1, 1e-4);
  }
  using silu = products::rough<op::silu>;
  for (float x = -100; x < 100; x += 0.0137f) {
    const double s = 1 / (1 + std::exp(-double(x)));
    BOOST_REQUIRE_SMALL(of([](const batch& v) { return silu::f(v); }, x) - x * s,
                        4e-3 * (std::abs(x * s) + 1e-3));
    BOOST_REQUIRE_SMALL(of([](const batch& v) { return silu::df(v); }, x) - s * (1 + x * (1 - s)),
                        4e-3);
  }
  for (const float x : {-126.0f, -1000.0f, -std::numeric_limits<float>::infinity()})
    BOOST_CHECK_EQUAL(of(exp2, x), 0x1p-126f);
  BOOST_CHECK(std::isnan(of(exp2, std::nanf(""))));
  BOOST_CHECK(std::isnan(of(inverse, std::nanf(""))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(primitives_take_images_as_they_are_stored, Op, op::primitives) {
  for (const auto& c : cases_of<Op>::list()) BOOST_TEST_CONTEXT(Op::name << " of " << c.inputs[0])
  check_stored<stored_bf16>(c, memory_layout::channels_last,
                            results<plain_f>(c, memory_layout::channels_first));
}

// Of numbers that bfloat16 has, only sums are rounded.
BOOST_AUTO_TEST_CASE(convolutions_are_those_of_rounded_numbers) {
  for (const auto& c : convolutions) BOOST_TEST_CONTEXT(c) {
      const auto want = results_of<plain_xtensor_backend, float>(
          c, drawn<plain_f>(memory_layout::channels_first));
      const auto check = [&] {
        check_close(results_of<xtensor_bf16_backend, bfloat16>(
                        c, drawn<stored_bf16>(memory_layout::channels_last)),
                    want, 3e-3);
      };
      if (c.batch * c.in * c.out * c.height * c.width > 4'000'000)
        check();
      else
        with_each_unit(check);
    }
}

BOOST_AUTO_TEST_CASE(packed_kernels_give_the_same_bytes) {
  const auto last = memory_layout::channels_last;
  for (const convolution_case& c : {convolution_case{2, 64, 16, 16, 96, 3, 1, 1},
                                    {1, 96, 7, 9, 64, 3, 1, 1},
                                    {3, 32, 8, 8, 64, 4, 2, 1},
                                    {1, 64, 5, 5, 32, 1, 1, 0},
                                    {2, 32, 12, 20, 32, {1, 7}, {1, 2}, {0, 3}}})
    BOOST_TEST_CONTEXT(c) {
      const auto g = c.geometry();
      const shape a{c.out, c.in, c.kernel.height, c.kernel.width};
      const auto kernels = stored<stored_bf16>(a, 2, last);
      BOOST_REQUIRE(xtensor_bf16_backend::packs_kernels(c.out, c.in));
      stored_bf16 packed(a, memory_layout::packed_kernels);
      xtensor_bf16_backend::pack_kernels(c.out, c.in, c.kernel.area(), kernels.data(),
                                         packed.mutable_data());
      const auto x = stored<stored_bf16>({c.batch, c.in, c.height, c.width}, 1, last);
      const auto w = stored<stored_bf16>({c.batch, c.out, g.out_height, g.out_width}, 3, last);
      const op::conv2d forward(c.stride, c.padding);
      with_each_unit([&] {
        BOOST_CHECK(floats(forward.product(x, packed)) == floats(forward.product(x, kernels)));
        BOOST_CHECK(floats(forward.image_gradient(w, packed, x.shape())) ==
                    floats(forward.image_gradient(w, kernels, x.shape())));
      });
      BOOST_CHECK_EQUAL(message_of([&] { packed.to_host(); }),
                        "layout of a tensor to rearrange: got packed kernels, want channels first "
                        "or last");
    }
  BOOST_CHECK(!xtensor_bf16_backend::packs_kernels(64, 6));
}

// The pixels around an image are not read, nor what is behind its channels.
BOOST_AUTO_TEST_CASE(what_is_not_a_number_stays_where_it_is) {
  const float nan = std::nanf("");
  for (const convolution_case& c : {convolution_case{2, 40, 4, 4, 36, 3, 1, 1},
                                    {1, 32, 8, 8, 8, 4, 2, 1},
                                    {1, 33, 24, 24, 32, 3, 1, 1}})
    BOOST_TEST_CONTEXT(c)
  with_each_unit([&] {
    const auto g = c.geometry();
    auto host = random_tensor<plain_f>({c.batch, c.in, c.height, c.width}, 1).to_host();
    const std::size_t channel = 7, row = 3, column = 2;
    for (std::size_t b = 0; b < c.batch; ++b)
      host[b * g.image_size() + channel * g.image_area() + row * c.width + column] = nan;
    const auto last = memory_layout::channels_last;
    const auto x = tensor_bf16({c.batch, c.in, c.height, c.width}, host).stored_as<bfloat16>(last);
    const auto a = stored<stored_bf16>({c.out, c.in, c.kernel.height, c.kernel.width}, 2, last);
    const auto w = stored<stored_bf16>({c.batch, c.out, g.out_height, g.out_width}, 3, last);
    const op::conv2d convolution(c.stride, c.padding);
    const auto y = floats(convolution.product(x, a));
    const auto near = [&](std::size_t at, std::size_t pixel, std::size_t stride, std::size_t kernel,
                          std::size_t padding) {
      return at * stride <= pixel + padding && pixel + padding < at * stride + kernel;
    };
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t at = i % g.out_area();
      BOOST_REQUIRE_EQUAL(
          std::isnan(y[i]),
          near(at / g.out_width, row, c.stride.height, c.kernel.height, c.padding.height) &&
              near(at % g.out_width, column, c.stride.width, c.kernel.width, c.padding.width));
    }
    const auto weight = floats(convolution.weight_gradient(x, w, a));
    for (std::size_t i = 0; i < weight.size(); ++i)
      if (i / c.kernel.area() % c.in != channel) BOOST_REQUIRE(std::isfinite(weight[i]));
  });
}

BOOST_AUTO_TEST_CASE(without_channels_there_is_the_bias) {
  const auto last = memory_layout::channels_last;
  const convolution_geometry g{1, 0, 5, 5, 3, 5, 5, 3, 1, 1, last, last};
  const bfloat16 bias[] = {bfloat16(1.0f), bfloat16(2.0f), bfloat16(3.0f)};
  with_each_unit([&] {
    bfloat16 y[75];
    xtensor_bf16_backend::convolve<bfloat16>(g, nullptr, nullptr, {.bias = bias}, y);
    for (std::size_t i = 0; i < 75; ++i) BOOST_REQUIRE_EQUAL(float(y[i]), float(bias[i % 3]));
  });
}

BOOST_AUTO_TEST_CASE(nothing_convolved_is_nothing) {
  const auto last = memory_layout::channels_last;
  const convolution_geometry g{0, 4, 8, 8, 5, 8, 8, 3, 1, 1, last, last};
  std::vector<bfloat16> weight(5 * 4 * 9, bfloat16(1.0f));
  xtensor_bf16_backend::convolve<bfloat16>(g, nullptr, weight.data(), {}, nullptr);
  xtensor_bf16_backend::convolve_transpose<bfloat16>(g, nullptr, weight.data(), nullptr, nullptr);
  xtensor_bf16_backend::convolve_weight<bfloat16>(g, nullptr, nullptr, weight.data());
  for (const bfloat16 x : weight) BOOST_REQUIRE_EQUAL(float(x), 0.0f);
}

BOOST_AUTO_TEST_CASE(sums_of_pixels_are_those_of_rounded_numbers) {
  for (const auto& [rows, columns] :
       std::vector<std::array<std::size_t, 2>>{{0, 5}, {1, 1}, {3, 16}, {5000, 25}, {70, 2000}}) {
    const auto x = stored<stored_bf16>({rows, columns}, 1, memory_layout::channels_first);
    tensor_bf16 sums(shape{columns});
    xtensor_bf16_backend::reduce(sum{}, rows, columns, 1, sums.mutable_data(), kernel::identity{},
                                 each(x));
    const auto host = floats(x), got = sums.to_host();
    for (std::size_t c = 0; c < columns; ++c) {
      double want = 0, scale = 1;
      for (std::size_t row = 0; row < rows; ++row) {
        want += double(host[row * columns + c]);
        scale += std::abs(double(host[row * columns + c]));
      }
      BOOST_REQUIRE_SMALL((double(got[c]) - want) / scale, 1e-5);
    }
  }
}

BOOST_AUTO_TEST_CASE(attention_of_stored_images_is_within_their_rounding) {
  for (const auto& [b, heads, depth, side] :
       std::vector<std::array<std::size_t, 4>>{{1, 2, 32, 32},
                                               {2, 4, 64, 16},
                                               {2, 4, 128, 4},
                                               {3, 3, 4, 5},
                                               {1, 2, 33, 9},
                                               {2, 1, 1, 1},
                                               {1, 4, 1, 3},
                                               {1, 1, 40, 13}})
    BOOST_TEST_CONTEXT(heads << " heads of " << depth << " channels, " << side << "x" << side) {
      const std::size_t channels = heads * depth, pixels = side * side;
      const shape qkv{b, 3 * channels, side, side};
      const op::attention attend(heads);
      const auto all = [&]<class Tensor>(memory_layout layout, const Tensor&) {
        const auto [y, kept] = attend.forward(stored<Tensor>(qkv, 1, layout));
        const auto g = attend.vjp(kept, stored<Tensor>(y.shape(), 2, layout), {true});
        const auto parts = [&](std::size_t i) {
          return floats(op::channels_of(g[0], i * channels, channels));
        };
        shape two = qkv;
        two[0] *= 2;
        const op::tangents<Tensor, 1> d{stored<Tensor>(two, 3, layout)};
        return std::array{floats(y), parts(0), parts(1), parts(2), floats(attend.jvp(kept, d))};
      };
      const auto want = all(memory_layout::channels_first, plain_f());
      with_each_unit([&] {
        const auto got = all(memory_layout::channels_last, stored_bf16());
        for (std::size_t i = 0; i < want.size(); ++i)
          if (pixels > 1 || i == 0 || i >= 3)  // of one pixel the others are 0
            BOOST_CHECK_LT(relative_l2(got[i], want[i]), i == 0 ? 5e-3 : 1e-2);
      });
    }
}

// In images as they are stored, as in what is rounded on the way.
BOOST_AUTO_TEST_CASE(what_is_not_a_number_is_not_hidden) {
  const shape s{1, 48, 6, 6};
  auto host = random_tensor<plain_f>(s, 1).to_host();
  host[5 * 36 + 7] = std::nanf("");
  const auto x = tensor_bf16(s, host).stored_as<bfloat16>(memory_layout::channels_last);
  const auto ones = full<stored_bf16>({48}, 1), zero = full<stored_bf16>({48}, 0);
  const auto normalised = floats(apply(op::group_norm_silu{}, x, ones, zero));
  const auto attended = floats(apply(op::attention(1), x));
  for (std::size_t i = 0; i < normalised.size(); ++i)  // group 0 of 8
    BOOST_REQUIRE_EQUAL(std::isnan(normalised[i]), i / 36 < 6);
  BOOST_CHECK(std::isnan(attended[7]));
}

// So that nothing is lost in sums of many equal numbers.
BOOST_AUTO_TEST_CASE(group_norms_of_flat_images_but_for_a_pixel_have_its_variance) {
  for (const float value : {1.015625f, 1.984375f}) {
    const shape s{1, 16, 128, 128};
    std::vector<float> host(s.size(), value);
    for (std::size_t c = 0; c < 16; ++c) host[c * 128 * 128] = 0;
    const auto last = memory_layout::channels_last;
    const auto got = floats(apply(op::group_norm{}, tensor_bf16(s, host).stored_as<bfloat16>(last),
                                  full<stored_bf16>({16}, 1), full<stored_bf16>({16}, 0)));
    const double mean = value * (1 - 1.0 / 16384), variance = mean * (value - mean);
    const double want = -mean / std::sqrt(variance + 1e-5);
    BOOST_CHECK_CLOSE(double(got[0]), want, 0.5);
  }
}

BOOST_AUTO_TEST_CASE(group_norms_keep_small_deviations_from_a_large_mean) {
  const shape s{2, 64, 8, 8};
  auto host = random_tensor<plain_f>(s, 1).to_host();
  for (float& x : host) x = 100 + 4 * std::round(2 * x);  // numbers that bfloat16 has
  const auto last = memory_layout::channels_last;
  const auto got = floats(apply(op::group_norm{}, tensor_bf16(s, host).stored_as<bfloat16>(last),
                                full<stored_bf16>({64}, 1), full<stored_bf16>({64}, 0)));
  const auto want = floats(
      apply(op::group_norm{}, plain_f(s, host), full<plain_f>({64}, 1), full<plain_f>({64}, 0)));
  BOOST_CHECK_LT(relative_l2(got, want), 3e-3);
}

// Derivatives too, of images and what they are along in the same layout and in two; numbers that are added
// may be much larger than the images.
BOOST_AUTO_TEST_CASE(group_norms_add_what_they_are_given) {
  constexpr auto first = memory_layout::channels_first, last = memory_layout::channels_last;
  const op::group_norm_silu norm;
  for (const shape& s : {shape{2, 64, 16, 16}, {1, 256, 9, 5}, {3, 24, 5, 7}, {2, 48, 40, 33}})
    for (const double size : {1.0, 30.0}) BOOST_TEST_CONTEXT(s << ", added numbers times " << size) {
        const shape channels{s[1]}, two{2 * s[0], s[1], s[2], s[3]};
        const auto all = [&]<class Tensor>(memory_layout layout, memory_layout along, Tensor) {
          const auto x = stored<Tensor>(s, 1, layout), gamma = stored<Tensor>(channels, 2, first),
                     beta = stored<Tensor>(channels, 3, first), w = stored<Tensor>(s, 4, along),
                     d = stored<Tensor>(two, 5, along), dx = stored<Tensor>(s, 6, along),
                     vectors = scaled(stored<Tensor>({s[0], s[1]}, 7, first), size),
                     bias = scaled(stored<Tensor>(channels, 8, first), size);
          const auto y = norm.forward(x, gamma, beta, {vectors, bias});
          std::vector<std::vector<float>> found{floats(y.value), floats(norm.jvp(y.saved, {d, {}, {}})),
                                                floats(norm.jvp(y.saved, {dx, gamma, beta}))};
          for (const Tensor& g : norm.vjp(y.saved, w, {true, true, true})) found.push_back(floats(g));
          return found;
        };
        const auto want = all(first, first, plain_f());
        for (const auto along : {last, first}) {
          const auto got = all(last, along, stored_bf16());
          for (std::size_t i = 0; i < want.size(); ++i)
            BOOST_CHECK_LT(relative_l2(got[i], want[i]), 8e-3);
        }
      }
  const stored_bf16 x = stored<stored_bf16>({2, 16, 3, 3}, 1, last),
                    gamma = stored<stored_bf16>({16}, 2, first),
                    vectors = stored<stored_bf16>({2, 16}, 3, first);
  BOOST_CHECK_EQUAL(
      message_of([&] { norm.forward(x, gamma, gamma, {vectors, {}}); }),
      "group_norm: shape of the bias that is added: got (), want (16)");
  BOOST_CHECK_EQUAL(
      message_of([&] { norm.forward(x, gamma, gamma, {{}, gamma}); }),
      "group_norm: shape of the vectors that are added: got (), want (2, 16)");
}

BOOST_AUTO_TEST_CASE(one_thread_and_many_give_the_same_bytes) {
  const auto all = [](std::size_t threads) {
    default_thread_pool().resize(threads);
    std::vector<std::vector<float>> results;
    for (const convolution_case& c :
         {convolution_case{3, 40, 32, 32, 40, 3, 1, 1}, {2, 200, 8, 8, 170, 4, 2, 1}}) {
      const auto r = results_of<xtensor_bf16_backend, bfloat16>(
          c, drawn<stored_bf16>(memory_layout::channels_last));
      for (const auto& x : {r.y, r.gx, r.ga}) results.push_back(floats(x));
    }
    return results;
  };
  const auto one = all(1), three = all(3);
  default_thread_pool().resize(0);
  BOOST_CHECK(one == three);
}

BOOST_AUTO_TEST_CASE(tensors_of_float32_are_computed_with_as_elsewhere) {
  const convolution_case c{2, 20, 9, 11, 33, 3, 1, 1};
  const auto got = results_of<xtensor_bf16_backend, float>(c);
  const auto want = results_of<xtensor_backend, float>(c);
  BOOST_CHECK(got.y.to_host() == want.y.to_host());
  BOOST_CHECK(got.ga.to_host() == want.ga.to_host());
}

BOOST_AUTO_TEST_CASE(a_network_is_within_two_hundredths_of_float32) {
  const small_network<tensor_bf16> small;
  const auto got = small.outputs(small.evaluated()), want = small_network<tensor_f>().outputs();
  BOOST_CHECK_LT(relative_l2(got, want), 2e-2);
  BOOST_CHECK_GT(relative_l2(got, want), 1e-4);
  BOOST_CHECK(small.outputs() == want);
}

BOOST_AUTO_TEST_CASE(timesteps_and_labels_are_not_rounded) {
  // bfloat16 counts by 4 from 512 on, and by 2 from 256 on.
  const auto at = [](double t) {
    return floats(nn::sinusoidal_embedding(stored_bf16(shape{1, 1}), timesteps{t}, 16));
  };
  BOOST_CHECK(at(901) != at(900));
  const auto hot = floats(nn::one_hot(stored_bf16(shape{1, 1}), class_labels{301}, 400));
  for (std::size_t i = 0; i < hot.size(); ++i) BOOST_REQUIRE_EQUAL(hot[i], i == 301 ? 1 : 0);
}

BOOST_AUTO_TEST_CASE(tangents_of_a_network_are_within_its_rounding) {
  const auto tangents = []<class Tensor>(const Tensor&) {
    const auto image = [](std::size_t size, std::uint32_t label) {
      return random_tensor<Tensor>({1, 3, size, size}, label);
    };
    const small_network<Tensor> small;
    const auto y = small.evaluated()(scales{dual_of<Tensor>{image(8, 1), image(8, 2)},
                                            dual_of<Tensor>{image(4, 3), image(4, 4)}},
                                     scales{timesteps{500}, timesteps{300}});
    return std::array{y[0].tangent.to_host(), y[1].tangent.to_host()};
  };
  const auto got = tangents(tensor_bf16()), want = tangents(tensor_f());
  for (std::size_t scale = 0; scale < 2; ++scale)
    BOOST_CHECK_LT(relative_l2(got[scale], want[scale]), 3e-2);
}

BOOST_AUTO_TEST_CASE(rounding_moves_a_heatmap_by_less_than_its_standard_error) {
  const auto blocks = []<class Tensor>(const Tensor&) {
    const small_network<Tensor> small;
    return hutchinson(small.evaluated(),
                      scales<Tensor>{small.images(8), random_tensor<Tensor>({4, 3, 4, 4}, 2)},
                      scales{timesteps{500}, timesteps{300}}, {.probes = 4});
  };
  const auto got = blocks(tensor_bf16()), want = blocks(tensor_f());
  for (std::size_t output = 0; output < 2; ++output)
    for (std::size_t input = 0; input < 2; ++input)
      BOOST_CHECK_LT(std::abs(got[output][input].mean - want[output][input].mean),
                     0.2 * want[output][input].standard_error);
}

#ifndef LIFT_TEST_EMULATED  // it is slow
BOOST_AUTO_TEST_CASE(a_training_ends_within_two_hundredths_of_float32) {
  const double want = small_network<tensor_f>().trained_loss();
  BOOST_CHECK_LT(std::abs(small_network<tensor_bf16>().trained_loss() - want), 0.02 * want);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
