// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE grid
#include <boost/test/unit_test.hpp>

#include <lift/core/grid.hpp>

using lift::grid;

BOOST_AUTO_TEST_CASE(is_row_major) {
  grid g(2, 3, {0, 1, 2, 3, 4, 5});
  BOOST_TEST(g(0, 2) == 2);
  BOOST_TEST(g(1, 0) == 3);
  g(1, 0) = 9;
  BOOST_TEST(g.values()[3] == 9);
  BOOST_TEST(g.rows() == 2U);
  BOOST_TEST(g.columns() == 3U);
}

BOOST_AUTO_TEST_CASE(fills_and_compares) {
  BOOST_TEST((grid(2, 2, 3.0) == grid(2, 2, {3, 3, 3, 3})));
  BOOST_TEST((grid(2, 3, 1.0) != grid(3, 2, 1.0)));
  BOOST_TEST(grid().empty());
}

BOOST_AUTO_TEST_CASE(refuses_the_wrong_number_of_values) {
  BOOST_CHECK_EXCEPTION(grid(2, 3, {1, 2, 3}), lift::error, [](const lift::error& e) {
    return std::string(e.what()) == "number of grid values: got 3, want 2×3";
  });
}
