// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include <lift/path/diagonal.hpp>
#include <lift/path/fit_path.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/zero_terminal_snr.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(fit_path_tests)

using namespace lift;
using test::message_of;

namespace {

const cosine_schedule schedule;

/// Squared distances in λ from levels of each scale's own, and a little more, as a cost is positive.
double distance_from_wanted(const timestep_path<>& path) {
  double sum = 1e-3;
  for (std::size_t i = 1; i < path.size(); ++i)
    for (std::size_t s = 0; s < 2; ++s) {
      const double off = log_snr_at(schedule, path[i][s]) - (3 * static_cast<double>(i) - 5 + static_cast<double>(s));
      sum += off * off;
    }
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(levels_come_to_where_the_distance_is_least) {
  const timestep_path<> guess = diagonal{}(error_heatmap<>{}, schedule, 5);
  const auto found = fit_path(schedule, guess, distance_from_wanted, {.tolerance = 1e-10});
  BOOST_TEST(found.path.size() == 5);
  BOOST_TEST((found.path[0] == guess[0]));
  for (std::size_t i = 1; i < 5; ++i)
    for (std::size_t s = 0; s < 2; ++s)
      BOOST_TEST(std::abs(log_snr_at(schedule, found.path[i][s]) -
                          (3 * static_cast<double>(i) - 5 + static_cast<double>(s))) < 1e-3);
  BOOST_TEST(found.distance == distance_from_wanted(found.path), boost::test_tools::tolerance(1e-9));
  BOOST_TEST(found.distance == 1e-3, boost::test_tools::tolerance(1e-3));

  // On one clock each evaluation is half way between.
  const auto joint =
      fit_path(schedule, guess, distance_from_wanted, {.tolerance = 1e-10, .one_clock = true});
  for (std::size_t i = 1; i < 5; ++i) {
    BOOST_TEST(joint.path[i].fine() == joint.path[i].coarse());
    BOOST_TEST(std::abs(log_snr_at(schedule, joint.path[i].fine()) - (3 * static_cast<double>(i) - 4.5)) < 1e-3);
  }
}

/// No steps of a search are none of the path's.
BOOST_AUTO_TEST_CASE(without_a_search_the_path_is_the_guess) {
  const timestep_path<> guess = diagonal{}(error_heatmap<>{}, schedule, 5);
  const auto found = fit_path(schedule, guess, distance_from_wanted, {.most_steps = 0});
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t s = 0; s < 2; ++s) BOOST_TEST(std::abs(found.path[i][s] - guess[i][s]) < 1e-9);
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  const auto fit = [](const auto& on, const timestep_path<>& path) {
    return message_of([&] { fit_path(on, path, distance_from_wanted); });
  };
  BOOST_TEST(fit(schedule, {}) == "number of steps: got 0, want at least 1");
  BOOST_TEST(fit(zero_terminal_snr(schedule), {{999, 999}, {500, 500}}) ==
             "log-SNR of point 0 of a path: got -inf, want a finite number");
  BOOST_TEST(fit(schedule, {{999, 999}, {1200, 500}}) == "timestep: got 1200, want 0 to 999");
}

BOOST_AUTO_TEST_SUITE_END()
