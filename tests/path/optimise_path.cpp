// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/path/optimise_path.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(optimise_path_tests)

using namespace lift;
using test::message_of;

namespace {

using path = std::vector<scales<double>>;

path even(std::size_t steps) {
  path result;
  for (std::size_t k = 0; k <= steps; ++k) {
    const double level = -5 + 12 * static_cast<double>(k) / static_cast<double>(steps);
    result.push_back({level, level});
  }
  return result;
}

}  // namespace

/// Σ_k w_s(k)·Δ_s(k)² of each scale between fixed ends is least where Δ_s(k) ∝ 1/w_s(k).
BOOST_AUTO_TEST_CASE(the_known_minimum_is_found) {
  const auto weight = [](std::size_t s, std::size_t k) {
    return 1 + static_cast<double>((s + 1) * k % 5) + static_cast<double>(s);
  };
  const auto cost = [&](const path& at) {
    double sum = 0;
    for (std::size_t s = 0; s < 2; ++s)
      for (std::size_t k = 0; k + 1 < at.size(); ++k) {
        const double rise = at[k + 1][s] - at[k][s];
        sum += weight(s, k) * rise * rise;
      }
    return sum;
  };
  const auto best = optimise_path(even(12), cost, {.tolerance = 1e-12});
  double least = 0;
  for (std::size_t s = 0; s < 2; ++s) {
    double parts = 0, reached = -5;
    for (std::size_t k = 0; k < 12; ++k) parts += 1 / weight(s, k);
    least += 144 / parts;
    for (std::size_t k = 0; k < 12; ++k) {
      BOOST_TEST(std::abs(best.log_snrs[k][s] - reached) < 1e-3);
      reached += 12 / weight(s, k) / parts;
    }
  }
  BOOST_TEST(std::abs(best.cost - least) < 1e-6 * least);
  BOOST_TEST(best.cost == cost(best.log_snrs), boost::test_tools::tolerance(1e-12));
  BOOST_TEST((best.log_snrs.front() == even(12).front() && best.log_snrs.back() == even(12).back()));

  // With one clock the least of the sum of both weights.
  const auto joint = optimise_path(even(12), cost, {.tolerance = 1e-12, .one_clock = true});
  double parts = 0;
  for (std::size_t k = 0; k < 12; ++k) parts += 1 / (weight(0, k) + weight(1, k));
  BOOST_TEST(std::abs(joint.cost - 144 / parts) < 1e-6 * joint.cost);
  for (const auto& point : joint.log_snrs) BOOST_TEST(point.fine() == point.coarse());
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  const auto cost = [](const path&) { return 1.0; };
  BOOST_TEST(message_of([&] { optimise_path(path{{0, 0}}, cost); }) ==
             "number of points of a path: got 1, want at least 2");
  BOOST_TEST(message_of([&] { optimise_path(path{{0, 0}, {1, 0}}, cost); }) ==
             "log-SNR of point 1 of a path: got 0, want a finite number from 0, of the last point a larger one");
}

BOOST_AUTO_TEST_SUITE_END()
