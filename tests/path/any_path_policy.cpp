// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include <lift/path/any_path_policy.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <own_schedule.hpp>
#include <path/cases.hpp>

BOOST_AUTO_TEST_SUITE(any_path_policy_tests)

namespace {

// A heatmap whose axis is 30 timesteps from T − 1 to 0.
lift::error_heatmap<> timestep_heatmap(const lift::any_schedule& schedule) {
  std::mt19937 random(6);
  lift::error_heatmap<> heatmap = random_heatmap(random, 30);
  for (std::size_t i = 0; i < 30; ++i) {
    heatmap.timesteps[i] = 999 - 999 * i / 29;
    heatmap.gamma[i] = lift::snr(schedule, heatmap.timesteps[i]);
  }
  return heatmap;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_policy_spends_exactly_the_steps_from_the_noisiest_timestep) {
  const auto schedule = lift::make_schedule("cosine");
  std::mt19937 random(7);
  for (const auto& heatmap : {timestep_heatmap(schedule), random_heatmap(random, 12)})
    for (const auto& row : lift::path_policy_choices)
      for (const std::size_t steps : {4U, 10U, 18U}) {
        const auto path = lift::make_path_policy(row.name)(heatmap, schedule, steps);
        BOOST_TEST(path.size() == steps, row.name << " in " << steps);
        BOOST_TEST((path.front() == lift::scales<double>{999, 999}), row.name);
        for (std::size_t k = 1; k < path.size(); ++k) {
          BOOST_TEST(path[k].fine() <= path[k - 1].fine());
          BOOST_TEST(path[k].coarse() <= path[k - 1].coarse());
        }
      }
}

BOOST_AUTO_TEST_CASE(the_reference_starts_each_policy_at_its_own_level) {
  const auto schedule = lift::make_schedule("cosine");
  std::vector<double> gamma;
  for (int i = 0; i < 15; ++i) gamma.push_back(std::pow(10, -2 + 4 * i / 14.0));
  std::mt19937 random(8);
  auto on_gamma = random_heatmap(random, 15);
  on_gamma = heatmap_from(gamma, on_gamma.fine(), on_gamma.coarse());
  const auto start = [&](const char* name, const lift::error_heatmap<>& heatmap,
                         std::size_t steps) {
    return lift::make_path_policy(name, lift::preset::reference)(heatmap, schedule, steps).front();
  };
  BOOST_TEST((start("diagonal", on_gamma, 50) == lift::scales<double>{980, 980}));
  BOOST_TEST((start("diagonal", on_gamma, 18) == lift::scales<double>{990, 990}));
  for (const char* name : {"greedy", "dp-64", "dp-total"})
    BOOST_TEST((start(name, on_gamma, 50) == lift::scales<double>{943, 943}));
  for (const char* name : {"n-step", "n-step-total"}) {
    const auto heatmap = timestep_heatmap(schedule);
    const auto path =
        lift::make_path_policy(name, lift::preset::reference)(heatmap, schedule, 18);
    BOOST_TEST((path.front() == lift::scales<double>{999, 999}));
    BOOST_TEST((path.back() == lift::scales<double>{0, 0}));
    BOOST_TEST(path.size() == 19U);
  }
}

BOOST_AUTO_TEST_CASE(given_nodes_are_followed) {
  const lift::any_path_policy policy{
      lift::given_path<>{{{0.01, 0.1}, {100, 10}}, lift::start_level::first_node}};
  const auto path = policy({}, lift::make_schedule("cosine"), 2);
  BOOST_TEST((path == lift::timestep_path<>{{943, 802}, {54, 187}}));
}

BOOST_AUTO_TEST_CASE(a_schedule_of_ones_own_gives_the_same_paths) {
  const auto schedule = lift::make_schedule("cosine");
  const auto own = lift::test::own_copy(schedule);
  const auto heatmap = timestep_heatmap(schedule);
  for (const auto side : {lift::preset::sound, lift::preset::reference})
    for (const auto& row : lift::path_policy_choices) {
      const auto policy = lift::make_path_policy(row.name, side);
      BOOST_TEST((policy(heatmap, own, 18) == policy(heatmap, schedule, 18)), row.name);
      const auto refusals = lift::test::wrong_refusals(
          [&](const lift::test::own_schedule& bad) { policy(heatmap, bad, 1); });
      BOOST_TEST(refusals == "", row.name);
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_policy_and_no_steps_are_refused) {
  BOOST_CHECK_EXCEPTION(lift::make_path_policy("dp64"), lift::error, [](const lift::error& e) {
    return std::string(e.what()) == "unknown path policy: got \"dp64\", want one of diagonal, "
                                    "log-snr, greedy, dp-64, dp-total, n-step, n-step-total, path-kl, path-kl-diagonal";
  });
  const auto schedule = lift::make_schedule("cosine");
  for (const auto side : {lift::preset::sound, lift::preset::reference})
    for (const auto& row : lift::path_policy_choices)
      BOOST_CHECK_EXCEPTION(lift::make_path_policy(row.name, side)(timestep_heatmap(schedule),
                                                                   schedule, 0),
                            lift::error, [](const lift::error& e) {
                              return std::string(e.what()) ==
                                     "number of steps: got 0, want at least 1";
                            });
}

BOOST_AUTO_TEST_CASE(one_and_three_scales_have_the_policies_that_are_for_any_number) {
  const auto schedule = lift::make_schedule("cosine");
  std::mt19937 random(9);
  const auto check = [&]<std::size_t N>(const lift::error_heatmap<N>& heatmap) {
    for (const auto& row : lift::path_policy_choices) {
      const std::string name = row.name;
      const auto policy = lift::make_path_policy(name);
      if (name == "greedy" || name.starts_with("dp")) {
        BOOST_CHECK_EXCEPTION(policy(heatmap, schedule, 4), lift::error, [](const lift::error& e) {
          return e.what() == lift::text("this policy is for two scales, not for ", N);
        });
        continue;
      }
      const auto path = policy(heatmap, schedule, 4);
      BOOST_TEST(path.size() == 4U, name);
      BOOST_TEST((path.front() == lift::make_scales<N>([](std::size_t) { return 999.0; })), name);
    }
    const lift::any_path_policy pairs{lift::given_path<>{{{0.01, 0.1}, {100, 10}}}};
    BOOST_CHECK_THROW(pairs(heatmap, schedule, 4), lift::error);
  };
  check(random_heatmap<1>(random, 6));
  check(random_heatmap<3>(random, 6));
}

BOOST_AUTO_TEST_CASE(a_heatmap_that_is_not_sound_is_refused) {
  const auto schedule = lift::make_schedule("cosine");
  auto heatmap = timestep_heatmap(schedule);
  heatmap.of(0)(3, 4) = std::nan("");
  for (const auto& row : lift::path_policy_choices)
    if (std::string(row.name) != "diagonal" && std::string(row.name) != "log-snr")
      BOOST_CHECK_EXCEPTION(lift::make_path_policy(row.name)(heatmap, schedule, 10), lift::error,
                            [](const lift::error& e) {
                              return std::string(e.what()) ==
                                     "heatmap fine(3, 4): got nan, want a finite number";
                            });
}

BOOST_AUTO_TEST_SUITE_END()
