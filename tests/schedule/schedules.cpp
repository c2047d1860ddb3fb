// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <golden.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <own_schedule.hpp>

BOOST_AUTO_TEST_SUITE(schedules_tests)

namespace {

constexpr double epsilon = std::numeric_limits<float>::epsilon();

// The reference's own cosine is good to one unit in the last place, which the division by a
// neighbouring value and the running product carry to four.
void check_alpha_bar(const lift::tabulated_schedule& schedule, const std::string& tensor,
                     double tolerance) {
  const auto expected = golden_file("schedule.safetensors").values(tensor);
  BOOST_TEST_REQUIRE(schedule.num_timesteps() == expected.size());
  for (std::size_t t = 0; t < expected.size(); ++t)
    BOOST_TEST(std::abs(schedule.alpha_bar(t) / expected[t] - 1) <= tolerance, "t = " << t);
}

}  // namespace

BOOST_AUTO_TEST_CASE(cosine_equals_the_reference) {
  check_alpha_bar(lift::cosine_schedule(), "cosine.alphas_cumprod", 4 * epsilon);
  BOOST_TEST(lift::cosine_schedule().alpha_bar(999) == 0.003195,
             boost::test_tools::tolerance(1e-4));
}

// β rebuilt from the rounded ᾱ: off by the rounding of their ratio.
BOOST_AUTO_TEST_CASE(cosine_betas_equal_the_reference) {
  const lift::cosine_schedule schedule;
  const auto expected = golden_file("schedule.safetensors").values("cosine.betas");
  for (std::size_t t = 0; t < expected.size(); ++t)
    BOOST_TEST(std::abs(schedule.beta(t) - expected[t]) <= 4 * epsilon, "t = " << t);
}

BOOST_AUTO_TEST_CASE(linear_equals_the_reference) {
  check_alpha_bar(lift::linear_schedule(), "linear.alphas_cumprod", 2 * epsilon);
}

BOOST_AUTO_TEST_CASE(unclipped_cosine_is_the_squared_cosine) {
  const lift::cosine_schedule schedule(1000, lift::beta_range::unclipped());
  const auto f = [](double t) {
    return std::pow(std::cos((t / 1000 + 0.008) / 1.008 * std::acos(-1) / 2), 2);
  };
  for (std::size_t t = 0; t < 990; ++t)
    BOOST_TEST(schedule.alpha_bar(t) == f(static_cast<double>(t) + 1) / f(0),
               boost::test_tools::tolerance(2e-3));
  BOOST_TEST(schedule.alpha_bar(999) < 1e-6);
}

BOOST_AUTO_TEST_CASE(rescaling_keeps_the_first_timestep_and_empties_the_last) {
  for (const char* name : {"cosine", "cosine-unclipped", "linear"}) {
    const auto plain = lift::make_schedule(name);
    const auto rescaled = lift::make_schedule(std::string(name) + "-ztsnr");
    BOOST_TEST(rescaled.alpha_bar(0) == plain.alpha_bar(0));
    BOOST_TEST(rescaled.alpha_bar(999) == 0);
    // √ᾱ' is an affine function of √ᾱ: equal ratios of differences.
    const auto part = [](const auto& s, std::size_t t) {
      const double first = std::sqrt(s.alpha_bar(0)), last = std::sqrt(s.alpha_bar(999));
      return (first - std::sqrt(s.alpha_bar(t))) / (first - last);
    };
    for (std::size_t t = 1; t < 1000; t += 37)
      BOOST_TEST(part(rescaled, t) == part(plain, t), boost::test_tools::tolerance(1e-9));
  }
}

BOOST_AUTO_TEST_CASE(rescaling_twice_changes_nothing) {
  const lift::zero_terminal_snr once{lift::cosine_schedule()};
  const lift::zero_terminal_snr<lift::tabulated_schedule> twice(once);
  for (std::size_t t = 0; t < 1000; ++t)
    BOOST_TEST(twice.alpha_bar(t) == once.alpha_bar(t), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(any_number_of_timesteps) {
  for (const std::size_t size : {2U, 3U, 50U, 4000U})
    for (const auto& row : lift::schedule_choices) {
      const auto schedule = lift::make_schedule(row.name, size);
      BOOST_TEST(schedule.num_timesteps() == size);
      for (std::size_t t = 1; t < size; ++t)
        BOOST_TEST(schedule.alpha_bar(t) < schedule.alpha_bar(t - 1));
    }
}

BOOST_AUTO_TEST_CASE(names) {
  const lift::cosine_schedule cosine;
  const lift::linear_schedule linear;
  BOOST_TEST(lift::make_schedule("cosine").alpha_bar(500) == cosine.alpha_bar(500));
  BOOST_TEST(lift::make_schedule("linear").alpha_bar(500) == linear.alpha_bar(500));
  BOOST_CHECK_EXCEPTION(lift::make_schedule("cosin"), lift::error, [](const lift::error& e) {
    return std::string(e.what()) ==
           "unknown noise schedule: got \"cosin\", want one of cosine, cosine-ztsnr, "
           "cosine-unclipped, cosine-unclipped-ztsnr, linear, linear-ztsnr";
  });
}

BOOST_AUTO_TEST_CASE(what_is_no_schedule_is_named) {
  using lift::test::own_schedule, lift::test::wrong_refusals;
  BOOST_TEST(wrong_refusals([](const own_schedule& s) { lift::validate(s); }) == "");
  BOOST_TEST(wrong_refusals([](const own_schedule& s) { lift::tabulated_schedule{s.table}; }) == "");
  BOOST_TEST(wrong_refusals([](const own_schedule& s) { lift::zero_terminal_snr{s}; }) == "");
  for (const auto& row : lift::schedule_choices) lift::validate(lift::make_schedule(row.name));
}

BOOST_AUTO_TEST_CASE(bad_tables_and_timesteps_are_refused) {
  using table = std::vector<double>;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const table& bad : {table{}, table{0.5}, table{0.5, 0.6}, table{1.1, 0.5}, table{0.5, -0.1},
                           table{0.5, nan}})
    BOOST_CHECK_THROW(lift::tabulated_schedule{bad}, lift::error);
  BOOST_CHECK_NO_THROW(lift::tabulated_schedule(table{1, 0}));
  BOOST_CHECK_THROW(lift::cosine_schedule(0), lift::error);
  BOOST_CHECK_THROW(lift::linear_schedule(1), lift::error);
  BOOST_CHECK_THROW(lift::cosine_schedule().alpha_bar(1000), lift::error);
}

BOOST_AUTO_TEST_SUITE_END()
