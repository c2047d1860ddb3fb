// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>

#include <lift/io/image.hpp>
#include <lift/io/pixel.hpp>

BOOST_AUTO_TEST_SUITE(pixel_tests)

namespace {

int level(float value, lift::rounding how = lift::rounding::nearest) {
  return lift::to_uint8(value, how);
}

}  // namespace

BOOST_AUTO_TEST_CASE(levels_survive_a_round_trip) {
  for (int i = 0; i < 256; ++i)
    BOOST_TEST(level(lift::from_uint8(static_cast<std::uint8_t>(i))) == i);
  BOOST_TEST(lift::from_uint8(0) == -1.0f);
  BOOST_TEST(lift::from_uint8(255) == 1.0f);
}

BOOST_AUTO_TEST_CASE(values_are_clipped_and_rounded_or_truncated) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const auto how : {lift::rounding::nearest, lift::rounding::truncated}) {
    BOOST_TEST(level(-infinity, how) == 0);
    BOOST_TEST(level(-3, how) == 0);
    BOOST_TEST(level(-1, how) == 0);
    BOOST_TEST(level(1, how) == 255);
    BOOST_TEST(level(infinity, how) == 255);
    BOOST_TEST(level(std::numeric_limits<float>::quiet_NaN(), how) == 0);
  }
  BOOST_TEST(level(0.0f) == 128);
  BOOST_TEST(level(0.0f, lift::rounding::truncated) == 127);
}

BOOST_AUTO_TEST_CASE(planar_and_interleaved_are_each_others_inverse) {
  lift::image picture = lift::blank_image(3, 2, 3, 0);
  for (std::size_t i = 0; i < 18; ++i) picture.pixels[i] = static_cast<std::uint8_t>(i);
  const auto planar = lift::to_planar(picture);
  BOOST_TEST(static_cast<int>(planar[1]) == 3);
  BOOST_TEST(static_cast<int>(planar[6]) == 1);
  BOOST_CHECK(lift::from_planar(planar, 3, 2, 3) == picture);
}

BOOST_AUTO_TEST_SUITE_END()
