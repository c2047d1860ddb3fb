// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <lift/metric/peak_signal_to_noise.hpp>
#include <lift/metric/structural_similarity.hpp>

#include "golden.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(image_similarity_tests)

namespace {

std::vector<float> images(const std::string& name) {
  std::vector<float> values = golden_file("measures.safetensors").values<float>(name);
  for (float& x : values) x = x / 127.5F - 1;
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_structural_similarity) {
  const std::vector<float> a = images("a"), b = images("b");
  const auto expected = golden_file("measures.safetensors").values("ssim");
  const auto found = lift::structural_similarity({a, 2, 3, 24, 20}, {b, 2, 3, 24, 20});
  const auto same = lift::structural_similarity({a, 2, 3, 24, 20}, {a, 2, 3, 24, 20});
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(std::abs(found[i] - expected[i]) < 1e-6);
    BOOST_TEST(std::abs(same[i] - 1) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(peak_signal_to_noise_in_decibels) {
  const std::vector<float> a(12, 0.25F), b(12, 0.05F);
  BOOST_TEST(std::abs(lift::peak_signal_to_noise(a, b) - 20) < 1e-5);  // a tenth of the range
  BOOST_TEST(lift::peak_signal_to_noise(a, a) == std::numeric_limits<double>::infinity());
}

BOOST_AUTO_TEST_CASE(images_that_cannot_be_compared) {
  const std::vector<float> a(300, 0);
  const auto message = [](const auto& f) { return lift::test::message_of(f); };
  BOOST_TEST(message([&] { lift::structural_similarity({a, 1, 3, 10, 10}, {a, 1, 3, 10, 10}); }) ==
             "smaller side of images to compare by structural similarity: got 10, want at least 11");
  BOOST_TEST(message([&] { lift::structural_similarity({a, 1, 3, 10, 10}, {a, 1, 3, 20, 5}); }) ==
             "images to compare by structural similarity: got (1, 3, 20, 5), want (1, 3, 10, 10)");
  BOOST_TEST(message([&] { lift::peak_signal_to_noise(a, std::span(a).first(3)); }) ==
             "values of an image to compare: got 3, want 300");
  BOOST_TEST(message([&] { lift::peak_signal_to_noise({}, {}); }) ==
             "values of an image to compare: got 0, want 1");
}

BOOST_AUTO_TEST_SUITE_END()
