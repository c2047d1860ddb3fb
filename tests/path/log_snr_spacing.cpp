// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/path/log_snr_spacing.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(log_snr_spacing_tests)

using namespace lift;
using test::message_of;

BOOST_AUTO_TEST_CASE(levels_are_even_or_stretched) {
  BOOST_TEST(stretched_log_snrs(4, -12, 8, 0) == (std::vector<double>{-12, -7, -2, 3, 8}),
             boost::test_tools::per_element());
  const auto levels = stretched_log_snrs(12, -11, 9, 2);
  BOOST_TEST(levels.front() == -11.0);
  BOOST_TEST(levels.back() == 9.0);
  const auto length = [](std::size_t k) { return 1 + 0.63 * 2 * std::pow(0.37, double(k)); };
  for (std::size_t k = 0; k < 12; ++k)
    BOOST_TEST(levels[k + 1] - levels[k] == (levels[1] - levels[0]) * length(k) / length(0),
               boost::test_tools::tolerance(1e-12));
  for (const std::size_t steps : {1u, 8u}) BOOST_TEST(log_snr_diagonal::first_of(steps) == -10.0);
  BOOST_TEST(log_snr_diagonal::stretch_of(1) == 0.0);
  BOOST_TEST(log_snr_diagonal::stretch_of(8) == 1.25);
  for (const std::size_t steps : {9u, 50u}) {
    BOOST_TEST(log_snr_diagonal::first_of(steps) == -11.0);
    BOOST_TEST(log_snr_diagonal::stretch_of(steps) == 2.5);
  }
  for (const std::size_t steps : {8u, 13u}) BOOST_TEST(log_snr_diagonal::early_of(steps) == 0.0);
  BOOST_TEST(log_snr_diagonal::early_of(10) == 0.6, boost::test_tools::tolerance(1e-12));
}

/// On a schedule down to pure noise a path begins where it is told, on another at its last timestep; it lands
/// beyond its last evaluation.
BOOST_AUTO_TEST_CASE(paths_begin_within_the_schedule) {
  const auto down_to_noise = make_schedule("cosine-ztsnr"), clipped = make_schedule("cosine");
  const auto level = [](const auto& schedule, const timestep_path<3>& path, std::size_t k) {
    BOOST_TEST((path[k] == make_scales<3>([&](std::size_t) { return path[k].fine(); })));
    return log_snr_at(schedule, path[k].fine());
  };
  const auto long_way = log_snr_diagonal{}(error_heatmap<3>{}, down_to_noise, 10);
  BOOST_TEST(long_way.size() == 10U);
  const auto wanted = stretched_log_snrs(10, -11, log_snr(down_to_noise, 0) - 0.6, 2.5);
  for (std::size_t k = 0; k < 10; ++k)
    BOOST_TEST(level(down_to_noise, long_way, k) == wanted[k], boost::test_tools::tolerance(1e-6));
  const auto short_way = log_snr_diagonal{}(error_heatmap<3>{}, clipped, 10);
  BOOST_TEST(short_way.front().fine() == 999.0);
  BOOST_TEST(level(clipped, short_way, 5) ==
                 (log_snr(clipped, 999) + log_snr(clipped, 0)) / 2,  // evenly, above −8
             boost::test_tools::tolerance(1e-6));
  BOOST_TEST((log_snr_diagonal{-3, 0}(error_heatmap<3>{}, clipped, 1)).size() == 1U);
}

/// Every scale begins at the level of the fine one, is a lead further on than the next finer one once that is
/// lead_in further, and stays at the clean end once there.
BOOST_AUTO_TEST_CASE(coarser_scales_are_ahead) {
  const auto schedule = make_schedule("cosine-ztsnr");
  const std::size_t steps = 40;
  const auto even = log_snr_diagonal{}(error_heatmap<3>{}, schedule, steps);
  for (const double lead : {2.0, -3.0}) {
    const auto path = log_snr_diagonal{.lead = lead}(error_heatmap<3>{}, schedule, steps);
    const double begin = log_snr_at(schedule, path[0].fine()), last = log_snr(schedule, 0);
    for (std::size_t k = 0; k < steps; ++k) {
      BOOST_TEST(path[k].fine() == even[k].fine());
      const double fine = log_snr_at(schedule, path[k].fine());
      const double ahead = lead * std::min(1.0, (fine - begin) / 6);
      for (std::size_t s = 1; s < 3; ++s) {
        const double wanted = fine + ahead * static_cast<double>(s);
        BOOST_TEST(log_snr_at(schedule, path[k][s]) == std::clamp(wanted, begin, last),
                   boost::test_tools::tolerance(1e-6));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  BOOST_TEST(message_of([] { stretched_log_snrs(0, 0, 1, 0); }) ==
             "number of steps: got 0, want at least 1");
  BOOST_TEST(message_of([] { stretched_log_snrs(1, 2, 1, 0); }) ==
             "last log-SNR of a path: got 1, want one above 2");
  BOOST_TEST(message_of([] { stretched_log_snrs(1, 0, 1, -1); }) ==
             "stretch of a path's spacing: got -1, want a number from 0");
  BOOST_TEST(message_of([] {
               log_snr_diagonal{.lead = -7}(error_heatmap<>{}, make_schedule("cosine"), 2);
             }) == "lead of a path's coarser scales: got -7, want a number of at least -6");
}

BOOST_AUTO_TEST_SUITE_END()
