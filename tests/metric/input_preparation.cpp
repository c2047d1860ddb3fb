// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include <lift/metric/input_preparation.hpp>

#include "golden.hpp"
#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(input_preparation_tests)

namespace {

using lift::test::plain_f;

std::vector<float> thrice(const std::vector<float>& plane) {
  std::vector<float> planes;
  for (int c = 0; c < 3; ++c) planes.insert(planes.end(), plane.begin(), plane.end());
  return planes;
}

}  // namespace

// Pillow's antialiased bicubic filter on floating-point pixels, larger and smaller.
BOOST_AUTO_TEST_CASE(golden_bicubic) {
  const golden_file file("measures.safetensors");
  const std::vector<float> all = file.values<float>("a");
  const std::vector<float> planes = thrice({all.begin(), all.begin() + 24 * 20});
  for (const std::size_t side : {31u, 9u}) {
    const auto expected = file.values<float>("bicubic_" + std::to_string(side));
    const auto x = lift::prepared<plain_f>(
        {.size = side, .resampling = lift::resampling::antialiased_bicubic}, {planes, 1, 3, 24, 20});
    BOOST_TEST((x.shape() == lift::shape{1, 3, side, side}));
    const auto values = x.to_host();
    for (std::size_t i = 0; i < values.size(); ++i)
      BOOST_TEST(std::abs(values[i] - expected[i % (side * side)]) < 1e-4);
  }
}

// Bilinear interpolation gives a plane back wherever its two nearest pixels are in the image, also
// where pixels become fewer: nothing is antialiased.
BOOST_AUTO_TEST_CASE(interpolates_between_nearest_pixels) {
  constexpr std::size_t height = 12, width = 30;
  std::vector<float> plane(height * width);
  for (std::size_t i = 0; i < plane.size(); ++i)
    plane[i] = 0.25F * static_cast<float>(i / width) - 0.5F * static_cast<float>(i % width);
  const std::vector<float> planes = thrice(plane);
  for (const std::size_t side : {5u, 12u, 40u}) {
    const auto values = lift::prepared<plain_f>({.size = side}, {planes, 1, 3, height, width}).to_host();
    for (std::size_t i = 0; i < side; ++i)
      for (std::size_t j = 0; j < side; ++j) {
        const auto at = [](std::size_t k, std::size_t from, std::size_t to) {
          const auto inside = static_cast<double>(from) - 1;
          return std::clamp((static_cast<double>(k) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5, 0.0, inside);
        };
        BOOST_TEST(std::abs(values[i * side + j] - (0.25 * at(i, height, side) - 0.5 * at(j, width, side))) < 1e-5);
      }
  }
  // A single bright pixel between those that are looked at is not seen.
  std::vector<float> dot(3 * 9 * 9, 0);
  dot[4 * 9 + 3] = 1;
  for (const float value : lift::prepared<plain_f>({.size = 3}, {dot, 1, 3, 9, 9}).to_host())
    BOOST_TEST(value == 0.0F);
}

BOOST_AUTO_TEST_CASE(channels_are_ordered_and_normalised) {
  const std::vector<float> pixels = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};  // two images of one pixel
  const auto values = lift::prepared<plain_f>(
      {.mean = {0.5, 0, -1}, .deviation = {2, 0.5, 1}, .order = {2, 1, 0}}, {pixels, 2, 3, 1, 1}).to_host();
  const std::vector<double> expected = {-0.1, 0.4, 1.1, 0.05, 1.0, 1.4};
  for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(std::abs(values[i] - expected[i]) < 1e-6);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_prepared) {
  const std::vector<float> pixels(64, 0);
  const auto message = [&](std::size_t channels, std::size_t side, std::size_t least) {
    return lift::test::message_of([&] {
      lift::prepared<plain_f>({}, {pixels, 1, channels, side, side}, least);
    });
  };
  BOOST_TEST(message(1, 8, 1) == "channels of images for a network of features: got 1, want 3");
  BOOST_TEST(message(3, 8, 16) == "values of an image batch (1, 3, 8, 8): got 64, want 192");
  BOOST_TEST(lift::test::message_of([&] {
    lift::prepared<plain_f>({}, {std::span(pixels).first(48), 1, 3, 4, 4}, 16);
  }) == "smaller side of images for a network of features: got 4, want at least 16");
}

BOOST_AUTO_TEST_SUITE_END()
