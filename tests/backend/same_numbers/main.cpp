// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "same_numbers.hpp"
#include "relative_l2.hpp"

using namespace lift::test;

namespace {

/// Without a device there is nothing to compare: CTest counts exit code 77 as skipped.
struct device_or_skip {
  device_or_skip() {
    if (!backends_under_test().empty()) return;
    std::cout << "no device answers\n";
    std::exit(77);
  }
};
BOOST_TEST_GLOBAL_FIXTURE(device_or_skip);

/// How many floats lie between two, in order of size.
double places_between(float a, float b) {
  const auto rank = [](float x) {
    const auto bits = std::bit_cast<std::int32_t>(x);
    return static_cast<double>(bits < 0 ? std::int64_t{INT32_MIN} - bits : std::int64_t{bits});
  };
  return std::abs(rank(a) - rank(b));
}

template <class Distance>
double largest(const std::vector<float>& a, const std::vector<float>& b, const Distance& distance) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = distance(a[i], b[i]);
    if (!(d <= worst)) worst = d;  // a NaN too
  }
  return worst;
}

void compare(const numbers& got, const numbers& want, double rounding) {
  BOOST_REQUIRE_EQUAL(got.name, want.name);
  BOOST_REQUIRE_EQUAL(got.values.size(), want.values.size());
  // Mostly zeros agree with whatever has forgotten to compute them; of the gradient of a maximum,
  // most are.
  const auto zeros = static_cast<std::size_t>(
      std::count(want.values.begin(), want.values.end(), 0.0f));
  BOOST_CHECK_LT(zeros, want.values.size());
  if (!want.name.starts_with("max_pool2d")) BOOST_CHECK_LT(10 * zeros, 9 * want.values.size());
  const std::vector<float>&a = got.values, &b = want.values;
  const bool noise = want.name == "random words" || want.how == agreement::last_places;
  if (rounding > 0 && !noise) {
    BOOST_CHECK_LT(relative_l2(a, b), rounding);
    return;
  }
  switch (want.how) {
    case agreement::equal_bytes:
      BOOST_CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
      break;
    case agreement::relative_l2:
      BOOST_CHECK_LT(relative_l2(a, b), want.tolerance);
      break;
    case agreement::last_places:
      BOOST_CHECK_LE(largest(a, b, places_between), want.tolerance);
      break;
    case agreement::absolute:
      BOOST_CHECK_LE(largest(a, b, [](float x, float y) { return std::abs(x - y); }),
                     want.tolerance);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(backends_agree_with_the_cpu) {
  const std::vector<numbers> want = cpu_numbers();
  BOOST_CHECK_GT(want.size(), 200u);
  for (const backend_under_test& backend : backends_under_test()) {
    const std::vector<numbers> got = backend.compute();
    BOOST_REQUIRE_EQUAL(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i)
      BOOST_TEST_CONTEXT(backend.name << ": " << want[i].name) compare(got[i], want[i], backend.rounding);
  }
}
