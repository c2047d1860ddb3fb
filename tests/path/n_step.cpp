// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE n_step
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include <lift/path/n_step.hpp>
#include <path/cases.hpp>

namespace tt = boost::test_tools;

namespace {

// The cost of a path, from the definition.
double collected(const lift::cell_path& cells, const lift::error_heatmap& h, lift::path_cost cost) {
  double result = 0;
  for (std::size_t k = 1; k < cells.size(); ++k) {
    const auto [i, j] = cells[k - 1];
    const auto [p, q] = cells[k];
    result += (h.fine(i, j) + h.fine(p, q)) / 2 * std::log(h.gamma[p] / h.gamma[i]);
    if (cost == lift::path_cost::total)
      result += (h.coarse(i, j) + h.coarse(p, q)) / 2 * std::log(h.gamma[q] / h.gamma[j]);
  }
  return result;
}

// The least cost over every path of the given number of moves, by trying all.
double brute_force(const lift::error_heatmap& h, lift::path_cost cost, std::size_t moves,
                   std::size_t max_jump) {
  double best = std::numeric_limits<double>::infinity();
  lift::cell_path cells{{0, 0}};
  const auto visit = [&](const auto& self) -> void {
    const auto [i, j] = cells.back();
    const std::size_t last = h.size() - 1;
    if (cells.size() == moves + 1) {
      if (i == last && j == last) best = std::min(best, collected(cells, h, cost));
      return;
    }
    for (std::size_t p = i; p <= std::min(i + max_jump, last); ++p)
      for (std::size_t q = j; q <= std::min(j + max_jump, last); ++q) {
        if (p == i && q == j) continue;
        cells.push_back({p, q});
        self(self);
        cells.pop_back();
      }
  };
  visit(visit);
  return best;
}

void check_moves(const lift::cell_path& cells, std::size_t n, std::size_t max_jump) {
  BOOST_TEST((cells.front() == lift::cell{0, 0}));
  BOOST_TEST((cells.back() == lift::cell{n - 1, n - 1}));
  for (std::size_t k = 1; k < cells.size(); ++k) {
    BOOST_TEST(cells[k].fine - cells[k - 1].fine <= max_jump);  // unsigned: a fall is huge
    BOOST_TEST(cells[k].coarse - cells[k - 1].coarse <= max_jump);
    BOOST_TEST((cells[k] != cells[k - 1]));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(equals_the_reference_cell_by_cell) {
  for (const auto& entry : golden_cases())
    for (const auto& [name, cost] : {std::pair{"nstep_fine", lift::path_cost::fine},
                                     std::pair{"nstep_total", lift::path_cost::total}}) {
      const auto& expected = entry.at(name);
      lift::cell_path cells;
      for (const auto& c : expected.at("result").at(0)) cells.push_back({c.at(0), c.at(1)});
      const auto path =
          lift::cheapest_n_step_path(heatmap_from_json(entry), cost, expected.at("steps"),
                                     expected.at("max_jump"));
      BOOST_TEST((path.cells == cells), name << " on " << entry.at("n"));
      BOOST_TEST(path.cost == expected.at("result").at(1).get<double>(), tt::tolerance(1e-12));
    }
}

BOOST_AUTO_TEST_CASE(equals_brute_force_on_random_heatmaps_with_ties) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 300; ++trial) {
    const std::size_t n = 2 + random() % 3, max_jump = 1 + random() % 3;
    const std::size_t fewest = (n - 2) / max_jump + 1;
    const std::size_t moves = fewest + random() % (2 * (n - 1) - fewest + 1);
    const auto heatmap = random_heatmap(random, n);
    for (const auto cost : {lift::path_cost::fine, lift::path_cost::total}) {
      const auto path = lift::cheapest_n_step_path(heatmap, cost, moves, max_jump);
      BOOST_TEST(path.cells.size() == moves + 1);
      check_moves(path.cells, n, max_jump);
      BOOST_TEST(std::abs(path.cost - brute_force(heatmap, cost, moves, max_jump)) < 1e-9);
      BOOST_TEST(std::abs(path.cost - collected(path.cells, heatmap, cost)) < 1e-9);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_jump_limit_grows_by_two_until_the_corner_is_reached) {
  std::mt19937 random(4);
  const auto heatmap = random_heatmap(random, 9);  // two moves need jumps of 4; from 1: 3, then 5
  const auto cost = [&](std::size_t max_jump) {
    return lift::cheapest_n_step_path(heatmap, lift::path_cost::total, 2, max_jump).cost;
  };
  BOOST_TEST(cost(1) == cost(5));
  BOOST_TEST(cost(1) < cost(4));
}

BOOST_AUTO_TEST_CASE(impossible_numbers_of_moves_are_refused) {
  std::mt19937 random(5);
  const auto heatmap = random_heatmap(random, 4);
  for (const std::size_t moves : {0U, 7U})
    BOOST_CHECK_THROW(lift::cheapest_n_step_path(heatmap, lift::path_cost::fine, moves, 5),
                      lift::error);
  BOOST_CHECK_THROW(lift::cheapest_n_step_path(heatmap, lift::path_cost::fine, 3, 0), lift::error);
}
