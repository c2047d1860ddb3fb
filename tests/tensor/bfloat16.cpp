// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <lift/tensor/bfloat16.hpp>

BOOST_AUTO_TEST_SUITE(bfloat16_tests)

using namespace lift;

BOOST_AUTO_TEST_CASE(rounds_to_the_nearest_and_halves_to_even) {
  const auto bits = [](float x) { return bfloat16(x).bits; };
  BOOST_CHECK_EQUAL(bits(1.0f), 0x3f80);
  BOOST_CHECK_EQUAL(bits(-2.5f), 0xc020);
  BOOST_CHECK_EQUAL(bits(1.0f + 0x1p-8f), 0x3f80);            // halfway, to even
  BOOST_CHECK_EQUAL(bits(1.0f + 0x1p-7f + 0x1p-8f), 0x3f82);  // halfway, to even
  BOOST_CHECK_EQUAL(bits(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81);
  BOOST_CHECK_EQUAL(bits(std::numeric_limits<float>::max()), 0x7f80);  // infinity
  BOOST_CHECK_EQUAL(bits(-0.0f), 0x8000);
  for (const std::uint32_t nan : {0x7f800001u, 0xffffffffu, 0x7fc00000u})
    BOOST_CHECK(std::isnan(float(bfloat16(std::bit_cast<float>(nan)))));
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const float x = std::bit_cast<float>(i << 16);
    if (!std::isnan(x)) BOOST_REQUIRE_EQUAL(bits(x), i);
  }
}

BOOST_AUTO_TEST_SUITE_END()
