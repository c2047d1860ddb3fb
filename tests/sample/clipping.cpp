// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/pyramid/any_pyramid.hpp>
#include <lift/sample/clipping.hpp>
#include <lift/tensor/noise.hpp>

#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(clipping_tests)

using namespace lift;
using namespace lift::test;

BOOST_AUTO_TEST_CASE(fixed_keeps_pixels_within_images) {
  const scales x{tensor_d({1, 1, 2, 2}, {-3, -1, 0.25, 7}), tensor_d({1, 1, 1, 1}, {1.5})};
  const auto y = clipped(x, clipping::fixed, copies{});
  BOOST_TEST((y.fine().to_host() == std::vector<double>{-1, -1, 0.25, 1}));
  BOOST_TEST((y.coarse().to_host() == std::vector<double>{1}));
  const auto same = clipped(x, clipping::none, copies{});
  BOOST_TEST((same.fine().to_host() == x.fine().to_host()));
}

// Of the 1,000 magnitudes 0, 0.01, …, 9.99 those below 9.94 and itself are 99.5 %.
BOOST_AUTO_TEST_CASE(dynamic_divides_by_the_quantile_of_each_image) {
  std::vector<double> pixels;
  for (std::size_t i = 0; i < 1000; ++i)
    pixels.push_back((i % 2 == 0 ? 0.01 : -0.01) * static_cast<double>(i * 7 % 1000));
  for (std::size_t i = 0; i < 1000; ++i) pixels.push_back(0.1 * pixels[i]);  // within [−1, 1]
  const auto y = clipped(scales{tensor_d({2, 1, 10, 100}, pixels)}, clipping::dynamic, copies{});
  const std::vector<double> got = y.fine().to_host();
  for (std::size_t i = 0; i < 1000; ++i) {
    BOOST_TEST(got[i] == std::clamp(pixels[i] / 9.94, -1.0, 1.0), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(got[1000 + i] == pixels[1000 + i]);
  }
}

BOOST_AUTO_TEST_CASE(of_parts_the_image_is_clipped) {
  const tensor_d image = scaled(normal_noise<tensor_d>({2, 3, 16, 8}, {.seed = 4}, 0), 1.5);
  for (const clipping how : {clipping::fixed, clipping::dynamic}) {
    const auto want = clipped(scales{image}, how, copies{}).fine().to_host();
    const auto parts = clipped(make_pyramid("haar").split<3>(image), how, make_pyramid("haar"));
    const auto got = make_pyramid("haar").join(parts).to_host();
    for (std::size_t i = 0; i < want.size(); ++i) BOOST_TEST(std::abs(got[i] - want[i]) < 1e-14);
    const auto [least, most] = std::minmax_element(want.begin(), want.end());
    BOOST_TEST(*least == -1);
    BOOST_TEST(*most == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
