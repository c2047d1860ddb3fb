// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <lift/path/dp.hpp>
#include <path/cases.hpp>

BOOST_AUTO_TEST_SUITE(dp_tests)

namespace tt = boost::test_tools;

namespace {

// Tries every monotone path from column 0 in lexicographic order and keeps the first of the
// cheapest.
template <class Cost>
lift::monotone_path brute_force(std::size_t rows, std::size_t columns, lift::path_end end,
                                Cost cost) {
  std::optional<lift::monotone_path> best;
  std::vector<std::size_t> path(rows, 0);
  const auto visit = [&](const auto& self, std::size_t row) -> void {
    if (row == rows) {
      if (end == lift::path_end::fixed && path.back() != columns - 1) return;
      const double here = cost(path);
      if (!best || here < best->cost - 1e-9) best = {path, here};
      return;
    }
    for (path[row] = path[row - 1]; path[row] < columns; ++path[row]) self(self, row + 1);
  };
  visit(visit, 1);
  return *best;
}

void check_equal(const lift::monotone_path& got, const lift::monotone_path& want) {
  BOOST_TEST(got.columns == want.columns, tt::per_element());
  BOOST_TEST(got.cost == want.cost, tt::tolerance(1e-12));
}

}  // namespace

BOOST_AUTO_TEST_CASE(equals_the_reference_cell_by_cell) {
  const auto check = [](const auto& policy, const auto& entry, const std::string& name) {
    const auto heatmap = heatmap_from_json(entry);
    BOOST_TEST(coarse_gamma(policy.cells(heatmap), heatmap) ==
                   entry.at(name + "_gamma1").template get<std::vector<double>>(),
               tt::per_element());
    BOOST_TEST(policy.solve(heatmap).cost == entry.at(name + "_cost").template get<double>(),
               tt::tolerance(1e-12));
  };
  for (const auto& entry : golden_cases()) {
    check(lift::dp_64::reference(), entry, "dp_fine");
    check(lift::dp_total::reference(), entry, "dp_total");
  }
}

BOOST_AUTO_TEST_CASE(equals_brute_force_on_random_grids_with_ties) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 1000; ++trial) {
    const std::size_t rows = 2 + random() % 5, columns = 1 + random() % 6;
    lift::grid nodes(rows, columns);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) nodes(i, j) = static_cast<double>(random() % 3);
    const auto sum = [&](const std::vector<std::size_t>& path) {
      double result = 0;
      for (std::size_t i = 0; i < rows; ++i) result += nodes(i, path[i]);
      return result;
    };
    const auto free_move = [](const lift::cell<>&, const lift::cell<>&) { return 0.0; };
    for (const auto end : {lift::path_end::free, lift::path_end::fixed})
      check_equal(lift::monotone_dp(nodes, free_move, end),
                  brute_force(rows, columns, end, sum));
  }
}

// The moves are priced here anew, from the definition.
BOOST_AUTO_TEST_CASE(weighting_by_steps_equals_brute_force) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t n = 2 + random() % 5;
    const auto heatmap = random_heatmap(random, n);
    const auto collected = [&](const std::vector<std::size_t>& path) {
      double result = 0;
      for (std::size_t i = 1; i < n; ++i) {
        const std::size_t j = path[i - 1], k = path[i];
        result += (heatmap.fine()(i - 1, j) + heatmap.fine()(i, k)) / 2;  // |Δλ_fine| = 1
        result += (heatmap.coarse()(i - 1, j) + heatmap.coarse()(i, k)) / 2 *
                  static_cast<double>(k - j);
      }
      return result;
    };
    const auto best = brute_force(n, n, lift::path_end::fixed, collected);
    const auto found = lift::dp_total().solve(heatmap);
    BOOST_TEST(found.cost == best.cost, tt::tolerance(1e-9));
    BOOST_TEST(collected(found.columns) == best.cost, tt::tolerance(1e-9));
    BOOST_TEST(found.columns.back() == n - 1);
  }
}

BOOST_AUTO_TEST_CASE(a_grid_of_one_row) {
  const auto free_move = [](const lift::cell<>&, const lift::cell<>&) { return 0.0; };
  const auto path = lift::monotone_dp(lift::grid(1, 3, 4.0), free_move, lift::path_end::free);
  check_equal(path, {{0}, 4});
  BOOST_CHECK_THROW(lift::monotone_dp(lift::grid(1, 3), free_move, lift::path_end::fixed),
                    lift::error);
  BOOST_CHECK_THROW(lift::monotone_dp(lift::grid(), free_move, lift::path_end::free), lift::error);
}

BOOST_AUTO_TEST_SUITE_END()
