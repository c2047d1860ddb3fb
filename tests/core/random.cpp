// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include <lift/core/random_permutation.hpp>

BOOST_AUTO_TEST_SUITE(random_tests)

using namespace lift;

// Known answers of Philox4x32-10, from the kat_vectors of Salmon et al.'s Random123.
BOOST_AUTO_TEST_CASE(philox_known_answers) {
  using words = random_numbers<std::uint32_t, 4>;
  const auto check = [](const words& got, const words& wanted) {
    BOOST_CHECK_EQUAL_COLLECTIONS(got.begin(), got.end(), wanted.begin(), wanted.end());
  };
  const std::uint32_t f = 0xffffffffu;
  check(philox({{0, 0, 0, 0}}, {{0, 0}}),
        {{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}});
  check(philox({{f, f, f, f}}, {{f, f}}),
        {{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}});
  // The digits of π.
  check(philox({{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}}, {{0xa4093822u, 0x299f31d0u}}),
        {{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}});
  static_assert(philox({{0, 0, 0, 0}}, {{0, 0}})[0] == 0x6627e8d5u);
  // A stream is that generator at (block, sample, step, purpose and scale).
  const random_stream s{.seed = 0x0102030405060708u, .use = purpose::probe, .scale = 1, .step = 7};
  check(s.bits(5 + (std::uint64_t{3} << 32), 9),
        philox({{9, 5, 7, 4u | 1u << 8 | 3u << 16}}, {{0x05060708u, 0x01020304u}}));
}

BOOST_AUTO_TEST_CASE(normals_have_the_right_moments) {
  const random_stream s{.seed = 1};
  const std::size_t pairs = 200000;
  double m1 = 0, m2 = 0, m4 = 0, cross = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    const auto z = s.normal_pair(i / 100, i % 100);
    for (const double x : z) m1 += x, m2 += x * x, m4 += x * x * x * x;
    cross += z[0] * z[1];
  }
  const double n = 2.0 * double(pairs);
  BOOST_CHECK_SMALL(m1 / n, 4 / std::sqrt(n));
  BOOST_CHECK_SMALL(m2 / n - 1, 4 * std::sqrt(2 / n));
  BOOST_CHECK_SMALL(m4 / n - 3, 4 * std::sqrt(96 / n));
  BOOST_CHECK_SMALL(cross / double(pairs), 4 / std::sqrt(double(pairs)));
}

BOOST_AUTO_TEST_CASE(signs_and_integers_are_even) {
  const random_stream s{.seed = 2};
  double signs = 0;
  std::size_t counts[5] = {};
  for (std::size_t i = 0; i < 100000; ++i) {
    const double r = s.rademacher(i / 1000, i % 1000);
    BOOST_REQUIRE(r == 1 || r == -1);
    signs += r;
    ++counts[s.below(5, 0, i)];
    const double u = s.uniform(1, i);
    BOOST_REQUIRE(u > 0 && u < 1);
  }
  BOOST_CHECK_SMALL(signs, 4 * std::sqrt(1e5));
  for (const std::size_t c : counts) BOOST_CHECK_SMALL(double(c) - 2e4, 4 * std::sqrt(1.6e4));
}

BOOST_AUTO_TEST_CASE(streams_differ_in_every_coordinate) {
  std::set<std::uint32_t> words;
  for (const std::uint64_t seed : {1u, 2u})
    for (const purpose use : {purpose::probe, purpose::data_order})
      for (const std::uint32_t scale : {0u, 1u})
        for (const std::uint32_t step : {0u, 1u})
          for (const std::uint64_t sample : {std::uint64_t{0}, std::uint64_t{1} << 40})
            for (const std::uint64_t element : {0u, 1u, 4u})
              words.insert(random_stream{seed, use, scale, step}.word(sample, element));
  BOOST_CHECK_EQUAL(words.size(), 96u);
}

BOOST_AUTO_TEST_CASE(permutations_are_permutations) {
  for (const std::size_t n : {0u, 1u, 2u, 1000u}) {
    auto order = random_permutation({.seed = 3, .use = purpose::data_order}, n);
    const auto other = random_permutation({.seed = 3, .use = purpose::data_order, .step = 1}, n);
    if (n > 2) BOOST_CHECK(order != other);
    std::ranges::sort(order);
    for (std::size_t i = 0; i < n; ++i) BOOST_CHECK_EQUAL(order[i], i);
  }
}

BOOST_AUTO_TEST_SUITE_END()
