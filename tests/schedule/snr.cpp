// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <golden.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <lift/schedule/snr.hpp>

BOOST_AUTO_TEST_SUITE(snr_tests)

namespace tt = boost::test_tools;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

BOOST_AUTO_TEST_CASE(nearest_timesteps_equal_the_reference) {
  const golden_file golden("schedule.safetensors");
  const auto query = golden.values("snr.query");
  const auto expected = golden.values<std::size_t>("snr.timestep");
  const lift::cosine_schedule schedule;
  for (std::size_t i = 0; i < query.size(); ++i)
    BOOST_TEST(lift::timestep_from_snr(schedule, query[i]) == expected[i]);
  BOOST_TEST(lift::timestep_from_snr(schedule, 0.01) == 943U);
  BOOST_TEST(lift::timestep_from_snr(schedule, 100) == 54U);
}

BOOST_AUTO_TEST_CASE(every_timestep_is_nearest_to_its_own_snr) {
  for (const auto& row : lift::schedule_choices) {
    const auto schedule = lift::make_schedule(row.name);
    for (std::size_t t = 0; t < 1000; ++t)
      BOOST_TEST(lift::timestep_from_snr(schedule, lift::snr(schedule, t)) == t);
  }
}

BOOST_AUTO_TEST_CASE(of_two_nearest_timesteps_the_first_is_taken) {
  BOOST_TEST(lift::timestep_from_snr(lift::tabulated_schedule({0.9, 0.75, 0.25, 0.1}), 1.0) == 1U);
  BOOST_TEST(lift::timestep_from_snr(lift::tabulated_schedule({0.9, 0.5, 0.5, 0.1}), 1.0) == 1U);
}

BOOST_AUTO_TEST_CASE(conversions_invert_each_other) {
  for (double alpha_bar : {1e-9, 0.003, 0.25, 0.5, 0.9, 0.9999}) {
    const double snr = lift::snr_from_alpha_bar(alpha_bar);
    const double log_snr = lift::log_snr_from_alpha_bar(alpha_bar);
    BOOST_TEST(lift::alpha_bar_from_snr(snr) == alpha_bar, tt::tolerance(1e-12));
    BOOST_TEST(lift::alpha_bar_from_log_snr(log_snr) == alpha_bar, tt::tolerance(1e-12));
    BOOST_TEST(lift::snr_from_log_snr(log_snr) == snr, tt::tolerance(1e-12));
    BOOST_TEST(std::abs(lift::log_snr_from_snr(snr) - log_snr) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(pure_noise_and_clean_images_are_exact) {
  BOOST_TEST(lift::snr_from_alpha_bar(0) == 0);
  BOOST_TEST(lift::log_snr_from_alpha_bar(0) == -infinity);
  BOOST_TEST(lift::alpha_bar_from_snr(0) == 0);
  BOOST_TEST(lift::alpha_bar_from_log_snr(-infinity) == 0);
  BOOST_TEST(lift::log_snr_from_snr(0) == -infinity);
  BOOST_TEST(lift::snr_from_log_snr(-infinity) == 0);
  BOOST_TEST(lift::snr_from_alpha_bar(1) == infinity);
  BOOST_TEST(lift::log_snr_from_alpha_bar(1) == infinity);
  BOOST_TEST(lift::alpha_bar_from_snr(infinity) == 1);
  BOOST_TEST(lift::alpha_bar_from_log_snr(infinity) == 1);
}

BOOST_AUTO_TEST_CASE(continuous_time_passes_through_the_table_and_inverts) {
  for (const auto& row : lift::schedule_choices) {
    const auto schedule = lift::make_schedule(row.name);
    for (std::size_t t = 0; t < 1000; ++t)
      BOOST_TEST(lift::log_snr_at(schedule, static_cast<double>(t)) == lift::log_snr(schedule, t));
    for (double t : {0.0, 0.25, 1.0, 333.3, 998.0, 998.5, 998.999, 999.0})
      BOOST_TEST(lift::timestep_from_log_snr(schedule, lift::log_snr_at(schedule, t)) == t,
                 tt::tolerance(1e-9));
  }
}

BOOST_AUTO_TEST_CASE(between_timesteps_log_snr_is_linear) {
  const lift::cosine_schedule schedule;
  const double left = lift::log_snr(schedule, 500), right = lift::log_snr(schedule, 501);
  BOOST_TEST(lift::log_snr_at(schedule, 500.25) == 0.75 * left + 0.25 * right,
             tt::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(alpha_bar_and_snr_are_exact_at_whole_timesteps) {
  for (const auto& row : lift::schedule_choices) {
    const auto schedule = lift::make_schedule(row.name);
    for (std::size_t t = 0; t < 1000; ++t) {
      BOOST_TEST(lift::alpha_bar_at(schedule, static_cast<double>(t)) == schedule.alpha_bar(t));
      BOOST_TEST(lift::snr_at(schedule, static_cast<double>(t)) == lift::snr(schedule, t));
    }
  }
}

BOOST_AUTO_TEST_CASE(alpha_bar_and_snr_fall_between_timesteps_without_a_jump) {
  for (const auto& row : lift::schedule_choices) {
    const auto schedule = lift::make_schedule(row.name);
    for (std::size_t t = 0; t + 1 < 1000; t += 37) {
      const double from = static_cast<double>(t);
      for (int k = 0; k < 8; ++k) {
        BOOST_TEST(lift::alpha_bar_at(schedule, from + (k + 1) / 8.0) <
                   lift::alpha_bar_at(schedule, from + k / 8.0));
        BOOST_TEST(lift::snr_at(schedule, from + (k + 1) / 8.0) <
                   lift::snr_at(schedule, from + k / 8.0));
      }
    }
    // Right beside a whole timestep, the ends of the schedule too: that of the timestep itself.
    const double near = 1e-9;
    for (const std::size_t t : {0U, 1U, 500U, 998U, 999U})
      for (const double beside : {static_cast<double>(t) - near, static_cast<double>(t) + near}) {
        if (beside < 0 || beside > 999) continue;
        BOOST_TEST(std::abs(lift::alpha_bar_at(schedule, beside) - schedule.alpha_bar(t)) < 1e-8);
        BOOST_TEST(std::abs(lift::snr_at(schedule, beside) - lift::snr(schedule, t)) <=
                   1e-6 * lift::snr(schedule, t) + 1e-9);
      }
  }
}

BOOST_AUTO_TEST_CASE(between_timesteps_alpha_bar_and_snr_are_those_of_the_log_snr) {
  const lift::cosine_schedule schedule;
  BOOST_TEST(lift::snr_at(schedule, 500.5) ==
                 std::sqrt(lift::snr(schedule, 500) * lift::snr(schedule, 501)),
             tt::tolerance(1e-12));
  BOOST_TEST(lift::alpha_bar_at(schedule, 500.25) ==
                 lift::alpha_bar_from_log_snr(lift::log_snr_at(schedule, 500.25)),
             tt::tolerance(1e-12));
  const lift::tabulated_schedule ends({1, 0.5, 0});
  BOOST_TEST(lift::alpha_bar_at(ends, 0) == 1);
  BOOST_TEST(lift::alpha_bar_at(ends, 0.5) == 0.75, tt::tolerance(1e-12));
  BOOST_TEST(lift::alpha_bar_at(ends, 1.5) == 0.25, tt::tolerance(1e-12));
  BOOST_TEST(lift::alpha_bar_at(ends, 2) == 0);
  BOOST_TEST(lift::snr_at(ends, 0) == infinity);
  BOOST_TEST(lift::snr_at(ends, 2) == 0);
}

BOOST_AUTO_TEST_CASE(infinite_ends_are_reached_through_alpha_bar) {
  const lift::tabulated_schedule schedule({1, 0.5, 0});
  BOOST_TEST(lift::log_snr_at(schedule, 0) == infinity);
  BOOST_TEST(lift::log_snr_at(schedule, 2) == -infinity);
  BOOST_TEST(lift::alpha_bar_from_log_snr(lift::log_snr_at(schedule, 1.5)) == 0.25,
             tt::tolerance(1e-12));
  BOOST_TEST(lift::timestep_from_log_snr(schedule, infinity) == 0);
  BOOST_TEST(lift::timestep_from_log_snr(schedule, -infinity) == 2);
  BOOST_TEST(lift::timestep_from_log_snr(schedule, lift::log_snr_from_alpha_bar(0.75)) == 0.5,
             tt::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(beyond_the_schedule_its_nearer_end_is_taken) {
  const lift::cosine_schedule schedule;
  BOOST_TEST(lift::timestep_from_log_snr(schedule, 100) == 0);
  BOOST_TEST(lift::timestep_from_log_snr(schedule, -infinity) == 999);
  BOOST_TEST(lift::timestep_from_snr(schedule, 0) == 999U);
  BOOST_TEST(lift::timestep_from_snr(schedule, infinity) == 0U);
}

BOOST_AUTO_TEST_CASE(numbers_that_mean_nothing_are_refused) {
  const lift::cosine_schedule schedule;
  BOOST_CHECK_THROW(lift::timestep_from_snr(schedule, -1), lift::error);
  BOOST_CHECK_THROW(lift::timestep_from_snr(schedule, not_a_number), lift::error);
  BOOST_CHECK_THROW(lift::timestep_from_log_snr(schedule, not_a_number), lift::error);
  BOOST_CHECK_THROW(lift::log_snr_at(schedule, -0.1), lift::error);
  BOOST_CHECK_THROW(lift::log_snr_at(schedule, 999.1), lift::error);
  BOOST_CHECK_THROW(lift::log_snr_at(schedule, not_a_number), lift::error);
  for (const double outside : {-0.1, -1.0, 999.1, 1000.0, infinity, -infinity, not_a_number}) {
    BOOST_CHECK_THROW(lift::alpha_bar_at(schedule, outside), lift::error);
    BOOST_CHECK_THROW(lift::snr_at(schedule, outside), lift::error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
