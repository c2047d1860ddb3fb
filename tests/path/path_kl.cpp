// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include <lift/path/path_kl.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(path_kl_tests)

using namespace lift;
using test::message_of;

namespace {

/// Losses γ_fine^−a·γ_coarse^−b of the fine scale, and of the others half of it.
template <std::size_t N>
error_heatmap<N> power_losses(const any_schedule& schedule, std::size_t points) {
  const heatmap_axis axis = log_snr_axis(schedule, points);
  error_heatmap<N> losses{axis.gamma, axis.timesteps, {}, {}};
  for (std::size_t s = 0; s < N; ++s) {
    losses.of(s) = grid<N>::cube(points);
    for (std::size_t i = 0; i < losses.of(s).size(); ++i) {
      const cell<N> at = losses.of(s).index_at(i);
      double loss = s == 0 ? 1 : 0.5;
      for (std::size_t axis_number = 0; axis_number < N; ++axis_number)
        loss *= std::pow(axis.gamma[at[axis_number]], -0.5 - 0.1 * static_cast<double>(axis_number));
      losses.of(s).values()[i] = loss;
    }
  }
  return losses;
}

}  // namespace

/// Powers of SNRs are lines in logarithms: refining them is exact.
BOOST_AUTO_TEST_CASE(refining_powers_is_exact) {
  const auto schedule = make_schedule("cosine");
  const auto check = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
    const auto fine = refine_heatmap(power_losses<N>(schedule, 4), schedule, 13);
    const auto want = power_losses<N>(schedule, 13);
    BOOST_TEST((fine.timesteps == want.timesteps));
    for (std::size_t s = 0; s < N; ++s)
      for (std::size_t i = 0; i < want.of(s).size(); ++i)
        BOOST_TEST(fine.of(s).values()[i] == want.of(s).values()[i],
                   boost::test_tools::tolerance(1e-9));
  };
  check(std::integral_constant<std::size_t, 1>());
  check(std::integral_constant<std::size_t, 2>());
  check(std::integral_constant<std::size_t, 3>());
  // Errors that are not all positive are lines themselves.
  auto flat = power_losses<1>(schedule, 2);
  flat.of(0) = grid<1>({2}, {0, 4});
  BOOST_TEST(refine_heatmap(flat, schedule, 3).of(0)(1) == 2.0, boost::test_tools::tolerance(1e-9));
}

/// On one clock the levels that minimise Σ mse(γ_i)·(γ_{i+1} − γ_i) for mse = γ^−1 are even in log γ.
BOOST_AUTO_TEST_CASE(the_spacing_of_one_clock) {
  const auto schedule = make_schedule("cosine");
  auto losses = power_losses<2>(schedule, 9);
  for (std::size_t s = 0; s < 2; ++s)
    for (std::size_t i = 0; i < 9; ++i) losses.of(s)(i, i) = 1 / losses.gamma[i];
  const auto path =
      path_kl{clocks::one, start_level::first_node}(losses, schedule, 5);
  BOOST_TEST(path.size() == 5U);
  for (std::size_t k = 0; k < 5; ++k) {
    BOOST_TEST(path[k].fine() == path[k].coarse());
    BOOST_TEST(std::abs(log_snr_at(schedule, path[k].fine()) - std::log(10) * (-2.0 + static_cast<double>(k))) < 0.02);
  }
}

/// A scale that loses nothing moves at once; what only loses while the other is noisy waits for it.
BOOST_AUTO_TEST_CASE(two_clocks_go_where_less_is_lost) {
  const auto schedule = make_schedule("cosine");
  auto losses = power_losses<2>(schedule, 5);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j) {
      losses.of(0)(i, j) = 1 / losses.gamma[j];  // the coarse scale tells it all
      losses.of(1)(i, j) = 1e-6;
    }
  const auto path = path_kl{.start = start_level::first_node}(losses, schedule, 3);
  BOOST_TEST(path[1].coarse() == path[2].coarse());
  BOOST_TEST(path[1].fine() == path[0].fine());
  BOOST_TEST(path_kl{}(losses, schedule, 3).front().fine() == 999.0);
  BOOST_TEST(path_kl{}(losses, schedule, 1).size() == 1U);
  BOOST_TEST(path_kl{}(losses, schedule, 2).size() == 2U);
  BOOST_TEST(path_kl{}(power_losses<3>(schedule, 3), schedule, 6).size() == 6U);
  BOOST_TEST(path_kl{}(power_losses<1>(schedule, 3), schedule, 700).size() == 700U);
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  const auto schedule = make_schedule("cosine");
  BOOST_TEST(message_of([&] { path_kl{}(power_losses<2>(schedule, 3), schedule, 0); }) ==
             "number of steps: got 0, want at least 1");
  BOOST_TEST(message_of([&] { path_kl{}(error_heatmap<2>{}, schedule, 3); }) ==
             "points along an axis of the heatmap: got 0, want at least 2");
}

BOOST_AUTO_TEST_SUITE_END()
