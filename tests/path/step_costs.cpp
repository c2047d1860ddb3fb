// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include <lift/path/step_costs.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(step_costs_tests)

using namespace lift;
using test::message_of;

namespace {

/// Losses at the given SNRs, at random.
template <std::size_t N>
error_heatmap<N> random_losses(std::mt19937& random, const std::vector<double>& gamma) {
  error_heatmap<N> losses{gamma, std::vector<std::size_t>(gamma.size()), {}, {}};
  std::uniform_real_distribution<double> loss(0.1, 2);
  for (std::size_t s = 0; s < N; ++s) {
    losses.of(s) = grid<N>::cube(gamma.size());
    for (double& value : losses.of(s).values()) value = loss(random);
  }
  return losses;
}

template <std::size_t N>
using step_of = std::function<double(const cell<N>& from, const cell<N>& to)>;

/// The least cost of so many moves from corner to corner, by trying all.
template <std::size_t N>
double brute_force(std::size_t points, const step_of<N>& step, std::size_t moves,
                   const cell<N>& from = {}) {
  const auto corner = make_scales<N>([=](std::size_t) { return points - 1; });
  if (moves == 0) return from == corner ? 0 : std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  const auto all = grid<N>::cube(points);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const cell<N> to = all.index_at(i);
    bool rises = to != from;
    for (std::size_t s = 0; s < N; ++s) rises = rises && to[s] >= from[s];
    if (rises) best = std::min(best, step(from, to) + brute_force<N>(points, step, moves - 1, to));
  }
  return best;
}

template <std::size_t N, class Cost>
void check(const Cost& cost, std::size_t points, const step_of<N>& step) {
  for (std::size_t moves = 1; moves <= std::min<std::size_t>(4, N * (points - 1)); ++moves) {
    const cheapest_path<N> found = find_cheapest_path<N>(cost, moves);
    BOOST_TEST(found.cells.size() == moves + 1);
    double along = 0;
    for (std::size_t k = 1; k < found.cells.size(); ++k)
      along += step(found.cells[k - 1], found.cells[k]);
    BOOST_TEST(std::abs(found.cost - along) < 1e-12);
    BOOST_TEST(std::abs(found.cost - brute_force<N>(points, step, moves)) < 1e-12);
  }
}

const std::vector<double> gamma{0.01, 0.1, 0.7, 3};

}  // namespace

/// Every cost, on one, two and three scales: the cheapest of all paths, at the cost of its definition.
BOOST_AUTO_TEST_CASE(cheapest_paths_are_the_cheapest) {
  std::mt19937 random(3);
  const auto on_scales = [&]<std::size_t N>(std::integral_constant<std::size_t, N>, std::size_t points) {
    const std::vector<double> axis(gamma.begin(), gamma.begin() + static_cast<std::ptrdiff_t>(points));
    const auto losses = random_losses<N>(random, axis);
    const auto rise = [&](const cell<N>& from, const cell<N>& to, std::size_t s) {
      return axis[to[s]] - axis[from[s]];
    };
    check<N>(path_kl_cost<N>(losses), points, [&](const cell<N>& from, const cell<N>& to) {
      double sum = 0;
      for (std::size_t s = 0; s < N; ++s) sum += 0.5 * losses.of(s)[from] * rise(from, to, s);
      return sum;
    });
    jacobian_blocks<grid<N>, N> h;
    for (std::size_t s = 0; s < N; ++s)
      for (std::size_t t = 0; t < N; ++t) h[s][t] = random_losses<N>(random, axis).of(0);
    check<N>(quadratic_cost<N>(axis, h), points, [&](const cell<N>& from, const cell<N>& to) {
      double sum = 0;
      for (std::size_t s = 0; s < N; ++s)
        for (std::size_t t = 0; t < N; ++t)
          sum += 0.125 * (h[s][t][from] + h[s][t][to]) * rise(from, to, s) * rise(from, to, t);
      return sum;
    });
    check<N>(node_sum_cost<N>(losses.of(0)), points,
             [&](const cell<N>&, const cell<N>& to) { return losses.of(0)[to]; });
  };
  for (int trial = 0; trial < 5; ++trial) {
    on_scales(std::integral_constant<std::size_t, 1>(), 4);
    on_scales(std::integral_constant<std::size_t, 2>(), 4);
    on_scales(std::integral_constant<std::size_t, 3>(), 2);
  }
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  std::mt19937 random(4);
  const auto losses = random_losses<2>(random, gamma);
  const path_kl_cost<2> cost(losses);
  BOOST_TEST(message_of([&] { find_cheapest_path<2>(cost, 0); }) ==
             "moves of a path: got 0, want 1 to 6 on a lattice of 4 points");
  BOOST_TEST(message_of([&] { find_cheapest_path<2>(cost, 7); }) ==
             "moves of a path: got 7, want 1 to 6 on a lattice of 4 points");
  BOOST_TEST(message_of([&] { find_cheapest_path<2>(cost, 2, 1); }) ==
             "largest jump of a path: got 1, want at least 2");
  BOOST_TEST(message_of([&] { quadratic_cost<2>(gamma, {}); }) ==
             "length of a quadratic cost's block: got 0, want 4");
  BOOST_CHECK_THROW(path_kl_cost<2>({}), error);
}

BOOST_AUTO_TEST_SUITE_END()
