// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <lift/exact/judge.hpp>
#include <lift/path/log_snr_spacing.hpp>
#include <lift/sample/dpm_solver.hpp>
#include <lift/sample/sample.hpp>
#include <lift/sample/suited_solver.hpp>
#include <lift/schedule/any_schedule.hpp>

BOOST_AUTO_TEST_SUITE(judge_tests)

using namespace lift;

namespace {

/// Of each path its distances in so many steps.
std::map<std::string, std::vector<double>> judged(const path_judge& judge, const judged_solver& solver,
                                                  const std::vector<std::size_t>& counts) {
  std::map<std::string, std::vector<double>> rows;
  for (const std::size_t steps : counts)
    for (const judged_path& path : judge(steps, solver)) rows[path.name].push_back(path.off.wasserstein);
  return rows;
}

/// Equal to the digits that are given: half a unit of the last, and a little, as the library's schedule is in
/// float32.
void check_printed(const std::string& name, double got, double want, double unit) {
  BOOST_TEST(std::abs(got - want) <= 0.55 * unit, name << ": " << got << ", want " << want);
}

/// How far what the usual solver makes of unit noise along a policy's path is off.
double off_along(const log_snr_diagonal& policy, const exact_sampler<2>& field, std::size_t steps) {
  const auto schedule = make_schedule("cosine-ztsnr");
  const auto path = policy(error_heatmap<2>{}, schedule, steps);
  return field.wasserstein(field.follow(alpha_bars_along(schedule, path, landing::clean),
                                        suited_solver{}, sampling_start::unit_noise));
}

}  // namespace

/// The reference's paths, the same spacing-optimised, and one scale, on the field 1/f² with DDIM from
/// unit noise: as a program in another language has them.
BOOST_AUTO_TEST_CASE(known_distances) {
  const power_spectrum spectrum = power_law_spectrum(64, 2);
  const auto schedule = make_schedule("cosine");
  auto rows = judged(path_judge(spectrum, true, schedule), judged_solver(ddim{}), {10, 18});
  // Those that are not searched for; two clocks of 50 steps take half a minute to come to 0.00154.
  const path_judge unsearched(spectrum, true, schedule, {.search = {0}});
  for (auto& [name, distance] : judged(unsearched, judged_solver(ddim{}), {50}))
    rows[name].push_back(distance.front());
  const struct {
    const char* name;
    std::array<double, 3> distance, unit;
  } wanted[] = {
      {"diagonal, uniform t", {0.0371, 0.0102, 0.0029}, {1e-4, 1e-4, 1e-4}},
      {"one scale, uniform t", {0.0336, 0.0095, 0.0024}, {1e-4, 1e-4, 1e-4}},
      {"DP-64, noise heatmap", {0.0221, 0.0109, 0.0054}, {1e-4, 1e-4, 1e-4}},
      {"DP-total, noise heatmap", {0.208, 0.131, 0.032}, {1e-3, 1e-3, 1e-3}},
      {"DP-64, denoised heatmap", {0.279, 0.195, 0.047}, {1e-3, 1e-3, 1e-3}},
      {"DP-total, denoised heatmap", {0.279, 0.195, 0.047}, {1e-3, 1e-3, 1e-3}},
      {"n-step total, noise heatmap", {0.0434, 0.0253, 0.0032}, {1e-4, 1e-4, 1e-4}},
      {"diagonal, optimised", {0.0211, 0.0078}, {1e-4, 1e-4}},
      {"one scale, optimised", {0.0205, 0.0074}, {1e-4, 1e-4}},
      {"two clocks, optimised", {0.0206, 0.0075}, {1e-4, 1e-4}},
  };
  for (const auto& row : wanted)
    for (std::size_t i = 0; i < 3 && row.unit[i] > 0; ++i)
      check_printed(row.name, rows.at(row.name)[i], row.distance[i], row.unit[i]);
}

/// The best spacing of 50 steps on the diagonal, and of one scale alone.
BOOST_AUTO_TEST_CASE(known_spacings_of_fifty_steps) {
  const power_spectrum spectrum = power_law_spectrum(64, 2);
  const auto schedule = make_schedule("cosine");
  const auto best = [&]<std::size_t N>(const gaussian_image<N>& image) {
    const exact_sampler<N> sampler(image);
    std::vector<scales<double, N>> even;
    for (const double level :
         stretched_log_snrs(50, log_snr(schedule, 999), log_snr(schedule, 0), 0))
      even.push_back(make_scales<N>([=](std::size_t) { return level; }));
    const auto cost = [&](const std::vector<scales<double, N>>& path) {
      return sampler.wasserstein(sampler.follow(
          mapped_path(path, [](double level) { return alpha_bar_from_log_snr(level); }), ddim{},
          sampling_start::unit_noise));
    };
    return optimise_path<N>(even, cost, {.tolerance = 1e-5, .one_clock = true}).cost;
  };
  check_printed("diagonal", best(stationary_copies<2>(spectrum)), 0.0018, 1e-4);
  check_printed("one scale", best(stationary_copies<1>(spectrum)), 0.00154, 1e-5);
}

/// DPM-Solver++(2M) from the exact start, and from unit noise on levels as noisy as noise.
BOOST_AUTO_TEST_CASE(known_distances_of_second_order) {
  const judged_solver solver(dpm_solver{2});
  const path_judge exact(power_law_spectrum(64, 2), true, make_schedule("cosine"),
                         {.start = sampling_start::exact_marginal, .search = {0}});
  const auto uniform = judged(exact, solver, {10, 18, 50}).at("diagonal, uniform log-SNR");
  check_printed("10", uniform[0], 4.5e-4, 1e-5);
  check_printed("18", uniform[1], 8.3e-5, 1e-6);
  check_printed("50", uniform[2], 2.1e-6, 1e-7);
}

/// What samples are made by unless something else is asked for: nearer to the truth in 10 steps than the
/// reference's path and solver in 50, on both fields, as copies and as orthonormal parts.
BOOST_AUTO_TEST_CASE(the_defaults_are_near_the_truth) {
  for (const double exponent : {2.0, 3.0}) {
    const power_spectrum spectrum = power_law_spectrum(64, exponent);
    for (const auto& image : {stationary_copies<2>(spectrum), stationary_haar<2>(spectrum)}) {
      const exact_sampler<2> field(image);
      const auto off = [&](std::size_t steps) { return off_along({}, field, steps); };
      BOOST_TEST(off(6) < 2e-3);
      BOOST_TEST(off(8) < 1.8e-3);
      BOOST_TEST(off(9) < 6e-4);
      BOOST_TEST(off(10) < 2e-4);
      BOOST_TEST(off(11) < 1.2e-4);
      BOOST_TEST(off(12) < 6e-5);
      BOOST_TEST(off(14) < 2e-5);
      BOOST_TEST(off(18) < 8e-6);
      BOOST_TEST(off(50) < 5e-6);
    }
  }
}

/// A coarse scale that is a little ahead changes little, and one that is far ahead loses much.
BOOST_AUTO_TEST_CASE(a_lead_is_no_gain) {
  for (const double exponent : {2.0, 3.0}) {
    const exact_sampler<2> field(stationary_haar<2>(power_law_spectrum(64, exponent)));
    const auto times = [&](double lead) {
      return off_along({.lead = lead}, field, 18) / off_along({}, field, 18);
    };
    BOOST_TEST((times(1) > 0.9 && times(1) < 2), times(1));
    BOOST_TEST(times(4) > 5);
  }
}

/// An orthonormal coarse scale is worth a clock of its own: from 18 to 23 %.
BOOST_AUTO_TEST_CASE(two_clocks_of_orthonormal_scales) {
  const path_judge judge(power_law_spectrum(64, 2), false, make_schedule("cosine"));
  const auto rows = judged(judge, judged_solver(ddim{}), {10});
  const double one = rows.at("diagonal, optimised")[0], two = rows.at("two clocks, optimised")[0];
  BOOST_TEST((two < 0.83 * one && two > 0.75 * one), two << " of " << one);
}

/// Every path of two clocks has its control after it, and best is best.
BOOST_AUTO_TEST_CASE(controls_and_optima) {
  const path_judge judge(power_law_spectrum(16, 2), true, make_schedule("cosine"), {.lattice = 9});
  const auto all = judge(5, judged_solver(dpm_solver{2}));
  double diagonal = 1e9;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].clocks == 2) {
      BOOST_REQUIRE(i + 1 < all.size());
      BOOST_TEST(all[i + 1].control);
      for (const auto& point : all[i + 1].log_snrs) BOOST_TEST(point[0] == point[1]);
      for (std::size_t k = 0; k < all[i].log_snrs.size(); ++k)
        BOOST_TEST(all[i].log_snrs[k][0] == all[i + 1].log_snrs[k][0]);
    }
    if (all[i].name.starts_with("diagonal") && all[i].name != "diagonal, uniform t")
      diagonal = std::min(diagonal, all[i].off.wasserstein);
    if (all[i].name == "diagonal, optimised") BOOST_TEST(all[i].off.wasserstein == diagonal);
    if (all[i].name == "two clocks, optimised") BOOST_TEST(all[i].off.wasserstein <= diagonal);
  }
}

BOOST_AUTO_TEST_SUITE_END()
