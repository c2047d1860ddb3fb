// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <vector>

#include <lift/backend/index_divider.hpp>
#include <lift/core/random.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(index_divider_tests)

using namespace lift;

namespace {

void check(std::uint32_t i, std::uint32_t d) {
  const index_divider divide(d);
  BOOST_REQUIRE_EQUAL(divide.quotient(i), i / d);
  BOOST_REQUIRE_EQUAL(divide.remainder(i), i % d);
  std::uint32_t whole = i;
  BOOST_REQUIRE_EQUAL(divide.split(whole), i % d);
  BOOST_REQUIRE_EQUAL(whole, i / d);
}

constexpr std::uint32_t most = (std::uint32_t{1} << 31) - 1;

}  // namespace

BOOST_AUTO_TEST_CASE(small_ones_all) {
  for (std::uint32_t d = 1; d <= 300; ++d)
    for (std::uint32_t i = 0; i <= 700; ++i) check(i, d);
}

// Where rounding would show: around multiples of the divisor, at both ends.
BOOST_AUTO_TEST_CASE(around_multiples) {
  const random_stream stream{.seed = 4};
  std::vector<std::uint32_t> divisors = {1, 2, 3, 7, 641, 65535, 65536, 65537, most / 2, most / 2 + 1,
                                         most - 1, most, most + 1};
  for (std::uint64_t k = 0; k < 20000; ++k) divisors.push_back(1 + (stream.word(0, k) >> (1 + k % 31)));
  for (const std::uint32_t d : divisors) {
    const std::uint32_t last = most / d * d, some = stream.below(most / d + 1, 1, d) * d;
    for (const std::uint32_t multiple : {std::uint32_t{0}, d, some, last})
      for (const int step : {-1, 0, 1}) {
        const std::int64_t i = std::int64_t{multiple} + step;
        if (i >= 0 && i <= most) check(static_cast<std::uint32_t>(i), d);
      }
    check(most, d);
  }
}

BOOST_AUTO_TEST_CASE(misuse) {
  BOOST_TEST(test::message_of([] { index_divider(0); }) ==
             "divisor of an index: got 0, want 1 to 2^31");
  BOOST_TEST(test::message_of([] { index_divider(max_divided_index + 1); }) ==
             "divisor of an index: got 2147483649, want 1 to 2^31");
}

BOOST_AUTO_TEST_SUITE_END()
