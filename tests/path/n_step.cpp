// SPDX-License-Identifier: MIT
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

BOOST_AUTO_TEST_SUITE(n_step_tests)

namespace tt = boost::test_tools;

namespace {

// The cost of a path, from the definition.
template <std::size_t N>
double collected(const lift::cell_path<N>& cells, const lift::error_heatmap<N>& h,
                 lift::path_cost cost) {
  double result = 0;
  for (std::size_t k = 1; k < cells.size(); ++k) {
    const auto &a = cells[k - 1], &b = cells[k];
    for (std::size_t scale = 0; scale < (cost == lift::path_cost::total ? N : 1); ++scale)
      result += (h.of(scale)[a] + h.of(scale)[b]) / 2 *
                std::log(h.gamma[b[scale]] / h.gamma[a[scale]]);
  }
  return result;
}

// The least cost over every path of the given number of moves, by trying all.
template <std::size_t N>
double brute_force(const lift::error_heatmap<N>& h, lift::path_cost cost, std::size_t moves,
                   std::size_t max_jump) {
  double best = std::numeric_limits<double>::infinity();
  const std::size_t last = h.size() - 1;
  const auto corner = lift::make_scales<N>([=](std::size_t) { return last; });
  lift::cell_path<N> cells{lift::cell<N>{}};
  const auto visit = [&](const auto& self) -> void {
    if (cells.size() == moves + 1) {
      if (cells.back() == corner) best = std::min(best, collected(cells, h, cost));
      return;
    }
    const auto from = cells.back();
    const auto advance = [&](const auto& further, lift::cell<N> to, std::size_t scale) -> void {
      if (scale < N) {
        for (; to[scale] <= std::min(from[scale] + max_jump, last); ++to[scale])
          further(further, to, scale + 1);
      } else if (to != from) {
        cells.push_back(to);
        self(self);
        cells.pop_back();
      }
    };
    advance(advance, from, 0);
  };
  visit(visit);
  return best;
}

template <std::size_t N>
void check_moves(const lift::cell_path<N>& cells, std::size_t n, std::size_t max_jump) {
  BOOST_TEST((cells.front() == lift::cell<N>{}));
  BOOST_TEST((cells.back() == lift::make_scales<N>([=](std::size_t) { return n - 1; })));
  for (std::size_t k = 1; k < cells.size(); ++k) {
    for (std::size_t scale = 0; scale < N; ++scale)
      BOOST_TEST(cells[k][scale] - cells[k - 1][scale] <= max_jump);  // unsigned: a fall is huge
    BOOST_TEST((cells[k] != cells[k - 1]));
  }
}

// Both costs of the cheapest path, for each number of moves that can reach the corner.
template <std::size_t N>
void check_equals_brute_force(const lift::error_heatmap<N>& heatmap, std::size_t max_jump) {
  const std::size_t last = heatmap.size() - 1;
  for (std::size_t moves = (last - 1) / max_jump + 1; moves <= N * last; ++moves)
    for (const auto cost : {lift::path_cost::fine, lift::path_cost::total}) {
      const auto path = lift::cheapest_n_step_path(heatmap, cost, moves, max_jump);
      BOOST_TEST(path.cells.size() == moves + 1);
      check_moves(path.cells, heatmap.size(), max_jump);
      BOOST_TEST(std::abs(path.cost - brute_force(heatmap, cost, moves, max_jump)) < 1e-9);
      BOOST_TEST(std::abs(path.cost - collected(path.cells, heatmap, cost)) < 1e-9);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(equals_the_reference_cell_by_cell) {
  for (const auto& entry : golden_cases())
    for (const auto& [name, cost] : {std::pair{"nstep_fine", lift::path_cost::fine},
                                     std::pair{"nstep_total", lift::path_cost::total}}) {
      const auto& expected = entry.at(name);
      lift::cell_path<> cells;
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

BOOST_AUTO_TEST_CASE(three_scales_equal_brute_force) {
  std::mt19937 random(6);
  for (int trial = 0; trial < 20; ++trial)
    for (const std::size_t max_jump : {1U, 2U, 5U})
      check_equals_brute_force(random_heatmap<3>(random, 3), max_jump);
  check_equals_brute_force(random_heatmap<3>(random, 4), 1);
}

BOOST_AUTO_TEST_CASE(the_scales_of_three_are_told_apart) {
  // Two scales err where the third is clean, so moving them first costs nothing, and only that.
  for (std::size_t waits = 0; waits < 3; ++waits) {
    std::mt19937 random(7);
    auto heatmap = random_heatmap<3>(random, 2);
    for (std::size_t scale = 0; scale < 3; ++scale) heatmap.of(scale) = lift::grid<3>::cube(2);
    for (std::size_t i = 0; i < 8; ++i) {
      const auto cell = heatmap.fine().index_at(i);
      for (std::size_t scale = 0; scale < 3; ++scale)
        if (scale != waits) heatmap.of(scale)[cell] = static_cast<double>(cell[waits]);
    }
    const auto path = lift::cheapest_n_step_path(heatmap, lift::path_cost::total, 2, 1);
    BOOST_TEST(path.cost == 0);
    BOOST_TEST((path.cells[1] == lift::make_scales<3>([=](std::size_t scale) {
                  return std::size_t{scale == waits ? 0U : 1U};
                })));
  }
}

BOOST_AUTO_TEST_CASE(one_scale_equals_brute_force) {
  std::mt19937 random(8);
  for (std::size_t n = 2; n <= 8; ++n)
    for (const std::size_t max_jump : {1U, 3U, 7U})
      check_equals_brute_force(random_heatmap<1>(random, n), max_jump);
  auto heatmap = random_heatmap<1>(random, 5);
  heatmap.of(0) = lift::grid<1>({5}, {1, 9, 0, 9, 1});
  const auto path = lift::cheapest_n_step_path(heatmap, lift::path_cost::total, 2, 4);
  BOOST_TEST((path.cells == lift::cell_path<1>{{{0}}, {{2}}, {{4}}}));
  BOOST_TEST(path.cost == 2, tt::tolerance(1e-12));  // ½(1 + 0)·2 twice
}

BOOST_AUTO_TEST_CASE(the_policy_spends_its_steps_on_every_scale) {
  const lift::cosine_schedule schedule;
  std::mt19937 random(9);
  const auto heatmap = random_heatmap<3>(random, 6);
  const auto path = lift::n_step_total()(heatmap, schedule, 5);
  BOOST_TEST(path.size() == 5U);
  BOOST_TEST((path.front() == lift::scales<double, 3>{999, 999, 999}));
  for (std::size_t k = 1; k < path.size(); ++k)
    for (std::size_t scale = 0; scale < 3; ++scale)
      BOOST_TEST(path[k][scale] <= path[k - 1][scale]);
  const auto reference = lift::n_step_total::reference()(random_heatmap<1>(random, 6), schedule, 3);
  BOOST_TEST(reference.size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
