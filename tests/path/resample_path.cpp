// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>

#include <lift/path/resample_path.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(resample_path_tests)

using namespace lift;
using test::message_of;

namespace {
const timestep_path<> path{{900, 900}, {600, 900}, {600, 300}, {80, 40}};
}

BOOST_AUTO_TEST_CASE(as_many_steps_are_the_path) {
  BOOST_TEST((resample_path(path, 4) == path));
}

BOOST_AUTO_TEST_CASE(more_steps_halve_each_and_fewer_leave_out) {
  const timestep_path<> halved{{900, 900}, {750, 900}, {600, 900}, {600, 600},
                               {600, 300}, {340, 170}, {80, 40},  {40, 20}};
  BOOST_TEST((resample_path(path, 8) == halved));
  BOOST_TEST((resample_path(path, 2) == timestep_path<>{path[0], path[2]}));
  BOOST_TEST((resample_path(path, 1) == timestep_path<>{path[0]}));
  const auto three = resample_path(path, 3);  // at 0, 4/3 and 8/3
  BOOST_TEST(three[1].fine() == 600);
  BOOST_TEST(three[1].coarse() == 700, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(three[2].fine() == 600 - 520 * 2.0 / 3, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  BOOST_TEST(message_of([] { resample_path(path, 0); }) == "number of steps: got 0, want at least 1");
  BOOST_TEST(message_of([] { resample_path(timestep_path<>{}, 2); }) ==
             "number of steps: got 0, want at least 1");
}

BOOST_AUTO_TEST_SUITE_END()
