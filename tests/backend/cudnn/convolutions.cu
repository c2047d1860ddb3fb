// SPDX-License-Identifier: MIT
// Where the build has cuDNN, convolutions of common sizes go to it in every precision, with what is
// added to them.
#include <boost/test/unit_test.hpp>

#ifdef LIFT_WITH_CUDNN

#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <lift/backend/cuda/cuda_bf16_backend.hpp>
#include <lift/tensor/tensor.hpp>

#include "backends.hpp"

using namespace lift;

namespace {

constexpr auto first = memory_layout::channels_first, last = memory_layout::channels_last;

convolution_geometry square(std::size_t channels, memory_layout layout) {
  return {.batch = 3, .channels = channels, .height = 6, .width = 5, .out_channels = 8,
          .out_height = 6, .out_width = 5, .kernel = 3, .stride = 1, .padding = 1,
          .layout = layout, .weight_layout = layout};
}

template <class T>
using array = tensor<cuda_bf16_backend, T>;

/// Whole numbers, whose sums of products are exact.
template <class T>
array<T> whole(const shape& s, memory_layout layout, int seed) {
  std::vector<float> values(s.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<int>((i * 7 + static_cast<std::size_t>(seed)) % 5) - 2);
  const array<float> x(s, values);
  return x.template stored_as<T>(s.rank() == 4 ? layout : first);
}

template <class T>
std::vector<float> floats(const array<T>& x) {
  const auto host = x.template stored_as<float>(first).to_host();
  return {host.begin(), host.end()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(common_convolutions_are_found) {
  const auto check = []<class T>(T, bool tensor_cores) {
    const convolution_geometry same{.batch = 8, .channels = 64, .height = 32, .width = 32,
                                    .out_channels = 128, .out_height = 32, .out_width = 32,
                                    .kernel = 3, .stride = 1, .padding = 1};
    const convolution_geometry halving{.batch = 8, .channels = 64, .height = 32, .width = 32,
                                       .out_channels = 64, .out_height = 16, .out_width = 16,
                                       .kernel = 4, .stride = 2, .padding = 1};
    const convolution_geometry wide{.batch = 8, .channels = 64, .height = 32, .width = 64,
                                    .out_channels = 64, .out_height = 32, .out_width = 64,
                                    .kernel = {1, 7}, .stride = 1, .padding = {0, 3}};
    for (convolution_geometry g : {same, wide, halving}) {
      if (sizeof(T) < 4) g.layout = g.weight_layout = last;
      BOOST_TEST(detail::cudnn_convolution<T>::of(g, tensor_cores) != nullptr);
    }
  };
  check(float(), false);
  check(float(), true);
  check(double(), true);
  check(bfloat16(), true);
}

BOOST_AUTO_TEST_CASE(what_is_added_to_a_convolution) {
  const auto check = []<class T>(T, memory_layout layout) {
    // Of 3 channels cuDNN may have other engines.
    for (const std::size_t channels : {std::size_t{16}, std::size_t{3}}) {
      const convolution_geometry g = square(channels, layout);
      const shape result{g.batch, g.out_channels, g.out_height, g.out_width};
      const auto image = whole<T>({g.batch, channels, g.height, g.width}, layout, 1),
                 weight = whole<T>({g.out_channels, channels, 3, 3}, layout, 2),
                 bias = whole<T>({g.out_channels}, layout, 3),
                 images = whole<T>(result, layout, 4);
      auto* const own = detail::cudnn_convolution<T>::of(g, true);
      BOOST_REQUIRE(own != nullptr);
      const auto convolved = [&](const convolution_epilogue<T>& epilogue) {
        array<T> y(result, layout);
        const auto rest = own->forward(image.data(), weight.data(), epilogue, y.mutable_data());
        BOOST_TEST(rest.bias == nullptr);
        BOOST_TEST(rest.images == nullptr);
        BOOST_TEST(rest.vectors == epilogue.vectors);
        BOOST_TEST(rest.rectify == epilogue.rectify);
        return floats(y);
      };
      const std::vector<float> plain = convolved({}), b = floats(bias), r = floats(images);
      const auto sum = [&](bool with_bias, bool with_images) {
        std::vector<float> y = plain;
        for (std::size_t i = 0; i < y.size(); ++i) {
          if (with_bias) y[i] += b[i / g.out_area() % g.out_channels];
          if (with_images) y[i] += r[i];
        }
        return y;
      };
      BOOST_TEST(convolved({.bias = bias.data()}) == sum(true, false));
      BOOST_TEST(convolved({.images = images.data()}) == sum(false, true));
      BOOST_TEST(convolved({.bias = bias.data(), .vectors = bias.data(), .images = images.data(),
                            .rectify = true}) == sum(true, true));
    }
  };
  check(bfloat16(), last);
  check(float(), first);
  check(double(), first);
}

BOOST_AUTO_TEST_CASE(an_engine_is_chosen_once) {
  const std::filesystem::path file = "cudnn_convolutions_test_choices." + std::to_string(getpid());
  std::filesystem::remove(file);
  const convolution_geometry g = square(16, last);
  const detail::cudnn_target target(detail::cudnn());
  const auto image = whole<bfloat16>({g.batch, 16, g.height, g.width}, last, 1),
             weight = whole<bfloat16>({g.out_channels, 16, 3, 3}, last, 2);
  const auto run = [&] {
    detail::cudnn_choices choices("card", file);
    detail::cudnn_operation operation(
        detail::convolution_graph<bfloat16>(target, g, detail::convolution_task::result), "result",
        true);
    BOOST_TEST(operation.plans() > 1u);
    array<bfloat16> y({g.batch, g.out_channels, g.out_height, g.out_width}, last);
    const std::vector<detail::cudnn_array> arrays{{detail::cudnn_names::image, image.data()},
                                                  {detail::cudnn_names::weight, weight.data()},
                                                  {detail::cudnn_names::result, y.mutable_data()}};
    BOOST_TEST(operation.runs(arrays, choices));
    BOOST_TEST(operation.plans() == 1u);
    return operation.choice(0);
  };
  const auto lines = [&] {
    std::ifstream in(file);
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) count += !line.empty();
    return count;
  };
  const detail::cudnn_choice chosen = run();
  BOOST_TEST(lines() == 1u);
  BOOST_TEST((run() == chosen));
  BOOST_TEST(lines() == 1u);
  std::ofstream(file, std::ios::app) << "card | result = 999 1:1\n";  // no engine of these
  run();
  BOOST_TEST(lines() == 3u);
  std::filesystem::remove(file);
}

BOOST_AUTO_TEST_CASE(arrays_begin_where_cudnn_expects_them) {
  const convolution_geometry g = square(16, first);
  const auto image = whole<float>({g.batch + 1, 16, g.height, g.width}, first, 1),
             weight = whole<float>({g.out_channels, 16, 3, 3}, first, 2);
  array<float> y({g.batch, g.out_channels, g.out_height, g.out_width});
  auto* const own = detail::cudnn_convolution<float>::of(g, true);
  BOOST_REQUIRE(own != nullptr);
  BOOST_CHECK_THROW(own->forward(image.data() + 1, weight.data(), {}, y.mutable_data()), error);
}

#else

BOOST_AUTO_TEST_CASE(none) { BOOST_TEST_MESSAGE("built without cuDNN"); }

#endif
