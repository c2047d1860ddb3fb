// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <vector>

#include <lift/path/greedy.hpp>
#include <path/cases.hpp>

BOOST_AUTO_TEST_SUITE(greedy_tests)

BOOST_AUTO_TEST_CASE(equals_the_reference_cell_by_cell) {
  for (const auto& entry : golden_cases()) {
    const auto heatmap = heatmap_from_json(entry);
    BOOST_TEST(coarse_gamma(lift::greedy().cells(heatmap), heatmap) ==
                   entry.at("greedy_fine_gamma1").get<std::vector<double>>(),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(follows_the_least_error_and_the_diagonal_where_rows_are_flat) {
  const lift::grid coarse(4, 4), fine(4, 4, {9, 1, 1, 1,        // starts at 0 all the same
                                             5, 4, 3, 3,        // the first of two least
                                             2, 2, 2, 2.05,     // flat: the diagonal
                                             0.1, 1, 9, 8});    // least of those not noisier
  const auto cells = lift::greedy().cells(heatmap_from({0.1, 1, 10, 100}, fine, coarse));
  BOOST_TEST((cells == lift::cell_path<>{{0, 0}, {1, 2}, {2, 2}, {3, 3}}));
}

BOOST_AUTO_TEST_CASE(a_flat_row_does_not_turn_back) {
  const lift::grid coarse(3, 3), fine(3, 3, {1, 1, 1, 9, 9, 1, 7, 7, 7});
  const auto cells = lift::greedy().cells(heatmap_from({0.1, 1, 10}, fine, coarse));
  BOOST_TEST((cells == lift::cell_path<>{{0, 0}, {1, 2}, {2, 2}}));
}

BOOST_AUTO_TEST_SUITE_END()
