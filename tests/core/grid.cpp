// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>

#include <lift/core/grid.hpp>

BOOST_AUTO_TEST_SUITE(grid_tests)

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

BOOST_AUTO_TEST_CASE(any_number_of_axes_the_last_running_fastest) {
  grid<3> g({2, 3, 4});
  BOOST_TEST(g.size() == 24U);
  for (std::size_t i = 0; i < g.size(); ++i) g.values()[i] = static_cast<double>(i);
  BOOST_TEST(g(1, 2, 3) == 23);
  BOOST_TEST(g(1, 0, 2) == 14);
  BOOST_TEST((g[{0, 2, 1}] == 9));
  g[{0, 2, 1}] = -1;
  BOOST_TEST(g(0, 2, 1) == -1);
  BOOST_TEST(g.length(1) == 3U);
  BOOST_TEST(g.rows() == 2U);
  BOOST_TEST(g.columns() == 4U);
  for (std::size_t i = 0; i < g.size(); ++i) BOOST_TEST(g.offset(g.index_at(i)) == i);
  BOOST_TEST((g.index_at(9) == lift::scales<std::size_t, 3>{0, 2, 1}));

  const grid<1> line({3}, {5, 6, 7});
  BOOST_TEST(line(2) == 7);
  BOOST_TEST((line.index_at(1) == lift::scales<std::size_t, 1>{1}));
  BOOST_TEST(grid<3>().empty());
  BOOST_TEST((grid<3>() == grid<3>()));
}

BOOST_AUTO_TEST_CASE(a_cube_is_equally_long_along_every_axis) {
  BOOST_TEST((grid<>::cube(3, 1.5) == grid(3, 3, 1.5)));
  BOOST_TEST((grid<3>::cube(2) == grid<3>({2, 2, 2}, 0)));
  BOOST_TEST((grid<1>::cube(4, 2) == grid<1>({4}, {2, 2, 2, 2})));
  BOOST_CHECK_EXCEPTION(grid<3>({2, 3, 4}, {1, 2, 3}), lift::error, [](const lift::error& e) {
    return std::string(e.what()) == "number of grid values: got 3, want 2×3×4";
  });
}

BOOST_AUTO_TEST_SUITE_END()
