// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <lift/path/select_steps.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(select_steps_tests)

using namespace lift;
using test::message_of;

namespace {

/// A path of two clocks, of so many points.
timestep_path<> fine_path(std::size_t points) {
  timestep_path<> path;
  for (std::size_t i = 0; i < points; ++i) {
    const double t = 999 - 10 * static_cast<double>(i);
    path.push_back({t, t - static_cast<double>(i % 3)});
  }
  return path;
}

grid<2> random_errors(std::mt19937& random, std::size_t points) {
  std::uniform_real_distribution<double> error(0.01, 1);
  grid<2> errors(points + 1, points + 1);
  for (double& value : errors.values()) value = error(random);
  return errors;
}

struct ways {
  const grid<2>& errors;
  double growth, least = std::numeric_limits<double>::infinity();
  std::vector<std::size_t> best = {}, way = {0};

  /// Tries all ways on to the landing in so many steps.
  void go(std::size_t steps, double cost, double weight) {
    const std::size_t at = way.back(), end = errors.rows() - 1;
    if (steps == 0) {
      if (at == end && cost < least) least = cost, best = way;
      return;
    }
    for (std::size_t to = at + 1; to <= end; ++to) {
      way.push_back(to);
      go(steps - 1, cost + weight * std::sqrt(errors(at, to)), weight * growth);
      way.pop_back();
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_cheapest_of_all_ways_is_found) {
  std::mt19937 random(5);
  for (const double growth : {1.0, 1.2, 0.7})
    for (int trial = 0; trial < 5; ++trial)
      for (std::size_t steps = 1; steps <= 7; ++steps) {
        const timestep_path<> fine = fine_path(7);
        const grid<2> errors = random_errors(random, 7);
        ways all{errors, growth};
        all.go(steps, 0, 1);
        timestep_path<> want;
        for (std::size_t k = 0; k < steps; ++k) want.push_back(fine[all.best[k]]);
        BOOST_TEST((select_steps(fine, errors, steps, growth) == want));
      }
}

BOOST_AUTO_TEST_CASE(all_points_are_the_fine_path) {
  std::mt19937 random(6);
  const timestep_path<> fine = fine_path(40);
  BOOST_TEST((select_steps(fine, random_errors(random, 40), 40) == fine));
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  const timestep_path<> fine = fine_path(3);
  const grid<2> errors(4, 4);
  BOOST_TEST(message_of([&] { select_steps(fine, errors, 0); }) == "number of steps: got 0, want at least 1");
  BOOST_TEST(message_of([&] { select_steps(fine, errors, 4); }) ==
             "number of steps: got 4, want at most the 3 points of the fine path");
  BOOST_TEST(message_of([&] { select_steps(fine, grid<2>(3, 3), 2); }) ==
             "points of a table of truncation errors: got 3, want 4: those of the path and the landing");
  BOOST_TEST(message_of([&] { select_steps(fine, grid<2>(4, 3), 2); }) ==
             "columns of a table of costs: got 3, want 4");
  BOOST_TEST(message_of([&] { select_steps(fine, grid<2>(4, 4, -1), 2); }) ==
             "truncation error: got -1, want a finite number from 0");
  BOOST_TEST(message_of([&] { select_steps(fine, errors, 2, 0); }) ==
             "growth of the costs along a path: got 0, want a positive number, at most 1000000");
}

BOOST_AUTO_TEST_SUITE_END()
