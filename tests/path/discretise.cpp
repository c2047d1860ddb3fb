// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <lift/path/dp.hpp>
#include <path/cases.hpp>

BOOST_AUTO_TEST_SUITE(discretise_tests)

namespace tt = boost::test_tools;

namespace {

// The reference's DP-64 sampling run: its heatmap and axis.
lift::error_heatmap<> reference_heatmap(const golden_file& golden) {
  std::vector<double> gamma;
  for (int i = 0; i < 15; ++i) gamma.push_back(std::pow(10, -2 + 4 * i / 14.0));
  const lift::grid fine(15, 15, golden.values("dp64.error_fine"));
  return heatmap_from(gamma, fine, fine);
}

}  // namespace

BOOST_AUTO_TEST_CASE(dp_64_and_its_timesteps_equal_the_reference) {
  const golden_file golden("sampling_small.safetensors");
  const auto heatmap = reference_heatmap(golden);
  const auto policy = lift::dp_64::reference();
  const auto expected = golden.values("dp64.gamma1");
  const auto gamma = coarse_gamma(policy.cells(heatmap), heatmap);
  BOOST_TEST_REQUIRE(gamma.size() == expected.size());
  for (std::size_t i = 0; i < gamma.size(); ++i)
    BOOST_TEST(gamma[i] == expected[i], tt::tolerance(1e-7));  // a float32 axis

  const auto fine = golden.values("dp64.timesteps_fine");
  const auto coarse = golden.values("dp64.timesteps_coarse");
  const auto path = policy(heatmap, lift::cosine_schedule(), fine.size());
  BOOST_TEST_REQUIRE(path.size() == fine.size());
  for (std::size_t k = 0; k < path.size(); ++k) {
    BOOST_TEST(path[k].fine() == fine[k]);
    BOOST_TEST(path[k].coarse() == coarse[k]);
  }
}

BOOST_AUTO_TEST_CASE(from_the_noisiest_timestep_the_rest_is_spread_as_before) {
  const auto heatmap = reference_heatmap(golden_file("sampling_small.safetensors"));
  const lift::cosine_schedule schedule;
  const auto nodes = lift::snr_of(lift::dp_64().cells(heatmap), heatmap);
  const auto later = lift::discretise(nodes, schedule, 9, lift::start_level::first_node);
  const auto path = lift::discretise(nodes, schedule, 10);
  BOOST_TEST((path.front() == lift::scales<double>{999, 999}));
  BOOST_TEST((lift::timestep_path<>(path.begin() + 1, path.end()) == later));
}

BOOST_AUTO_TEST_CASE(nodes_that_already_span_the_schedule_spend_every_step_between) {
  const lift::cosine_schedule schedule;
  const double noisy = lift::snr(schedule, 999), clean = lift::snr(schedule, 0);
  for (std::size_t steps = 1; steps < 30; ++steps) {
    const auto path = lift::discretise({{noisy, noisy}, {clean, clean}}, schedule, steps);
    BOOST_TEST(path.size() == steps);
    BOOST_TEST((path.front() == lift::scales<double>{999, 999}));
    BOOST_TEST(path.back().fine() > 0);  // landing there would do nothing
  }
}

BOOST_AUTO_TEST_CASE(interpolation_is_linear_in_log_snr) {
  const lift::snr_path<> nodes{{0.01, 0.1}, {1, 0.1}, {100, 1000}};
  const auto path = lift::interpolate(nodes, 5);
  const std::vector<double> fine{0.01, 0.1, 1, 10, 100}, coarse{0.1, 0.1, 0.1, 10, 1000};
  for (std::size_t k = 0; k < 5; ++k) {
    BOOST_TEST(path[k].fine() == fine[k], tt::tolerance(1e-12));
    BOOST_TEST(path[k].coarse() == coarse[k], tt::tolerance(1e-12));
  }
  BOOST_TEST(lift::interpolate(nodes, 1).front().fine() == 0.01, tt::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(a_schedule_of_zero_terminal_snr_has_the_same_start) {
  const lift::tabulated_schedule schedule({0.99, 0.5, 0.1, 0});
  const auto path = lift::discretise({{0.1, 0.1}, {90, 90}}, schedule, 3);
  BOOST_TEST((path.front() == lift::scales<double>{3, 3}));
  BOOST_TEST(path.size() == 3U);
}

BOOST_AUTO_TEST_CASE(paths_that_cannot_be_spread_are_refused) {
  const lift::cosine_schedule schedule;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const lift::snr_path<>& bad :
       {lift::snr_path<>{}, {{1, 1}}, {{1, 1}, {1, 2}}, {{2, 1}, {1, 1}}, {{0, 1}, {1, 1}},
        {{1, 0}, {2, 1}}, {{1, 1}, {nan, 1}}})
    BOOST_CHECK_THROW(lift::discretise(bad, schedule, 10), lift::error);
  BOOST_CHECK_THROW(lift::discretise({{1, 1}, {2, 2}}, schedule, 0), lift::error);
}

BOOST_AUTO_TEST_SUITE_END()
