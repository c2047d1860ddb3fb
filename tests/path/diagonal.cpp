// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include <golden.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/schedule/cosine.hpp>

BOOST_AUTO_TEST_SUITE(diagonal_tests)

using lift::spaced_timesteps;
using lift::timestep_spacing;

BOOST_AUTO_TEST_CASE(strided_timesteps_equal_the_reference) {
  const golden_file golden("schedule.safetensors");
  for (const std::size_t steps : {10U, 18U, 50U, 100U, 1000U})
    BOOST_TEST(spaced_timesteps(1000, steps, timestep_spacing::strided) ==
                   golden.values<std::size_t>("ddim_timesteps." + std::to_string(steps)),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_other_spacings_give_exactly_n_falling_timesteps) {
  for (const std::size_t size : {7U, 1000U})
    for (std::size_t steps = 1; steps <= size; ++steps)
      for (const auto spacing : {timestep_spacing::trailing, timestep_spacing::leading}) {
        const auto timesteps = spaced_timesteps(size, steps, spacing);
        BOOST_TEST_REQUIRE(timesteps.size() == steps);
        for (std::size_t i = 1; i < steps; ++i) BOOST_TEST(timesteps[i] < timesteps[i - 1]);
        if (spacing == timestep_spacing::trailing) BOOST_TEST(timesteps.front() == size - 1);
        if (spacing == timestep_spacing::leading) BOOST_TEST(timesteps.back() == 0U);
      }
}

BOOST_AUTO_TEST_CASE(known_lists) {
  const auto trailing = spaced_timesteps(1000, 4, timestep_spacing::trailing);
  const auto leading = spaced_timesteps(1000, 3, timestep_spacing::leading);
  BOOST_TEST(trailing == (std::vector<std::size_t>{999, 749, 499, 249}),
             boost::test_tools::per_element());
  BOOST_TEST(leading == (std::vector<std::size_t>{666, 333, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(both_scales_share_the_timestep) {
  const lift::timestep_path<> path = lift::diagonal()({}, lift::cosine_schedule(), 2);
  BOOST_TEST((path == lift::timestep_path<>{{999, 999}, {499, 499}}));
  const auto reference = lift::diagonal::reference()({}, lift::cosine_schedule(), 50);
  BOOST_TEST((reference.front() == lift::scales<double>{980, 980}));
}

BOOST_AUTO_TEST_CASE(one_and_three_scales_take_the_same_timesteps) {
  const lift::cosine_schedule schedule;
  for (const auto& policy : {lift::diagonal(), lift::diagonal::reference()})
    for (const std::size_t steps : {1U, 2U, 18U, 1000U}) {
      const auto timesteps = spaced_timesteps(1000, steps, policy.spacing);
      const auto one = policy(lift::error_heatmap<1>(), schedule, steps);
      const auto three = policy(lift::error_heatmap<3>(), schedule, steps);
      BOOST_TEST_REQUIRE(one.size() == timesteps.size());
      BOOST_TEST_REQUIRE(three.size() == timesteps.size());
      for (std::size_t k = 0; k < timesteps.size(); ++k) {
        const auto t = static_cast<double>(timesteps[k]);
        BOOST_TEST((one[k] == lift::scales<double, 1>{t}));
        BOOST_TEST((three[k] == lift::scales<double, 3>{t, t, t}));
      }
    }
}

BOOST_AUTO_TEST_CASE(no_steps_and_more_than_timesteps_are_refused) {
  for (const auto spacing :
       {timestep_spacing::trailing, timestep_spacing::leading, timestep_spacing::strided})
    for (const std::size_t steps : {0U, 11U})
      BOOST_CHECK_THROW(spaced_timesteps(10, steps, spacing), lift::error);
}

BOOST_AUTO_TEST_SUITE_END()
