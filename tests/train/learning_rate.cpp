// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <numbers>

#include <lift/train/learning_rate.hpp>

#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(learning_rate_tests)

using namespace lift;

namespace {

void check_close(double got, double want) { BOOST_CHECK_SMALL(got - want, 1e-12 * want); }

double annealed(double done) {
  return 1e-6 + (1e-4 - 1e-6) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_rates) {
  const auto want = golden_file("train_small.safetensors").values("lr");
  BOOST_REQUIRE_EQUAL(want.size(), 12u);
  const cosine_annealing rate{.steps = 40};
  for (std::size_t k = 0; k < want.size(); ++k) check_close(rate(k), want[k]);
}

BOOST_AUTO_TEST_CASE(every_iteration_is_the_default) {
  const auto rate = cosine_annealing::over(10, 30);
  check_close(rate(0), 1e-4);
  check_close(rate(75), annealed(0.25));
  check_close(rate(150), (1e-4 + 1e-6) / 2);
  check_close(rate(300), 1e-6);
  check_close(rate(1000), 1e-6);
}

BOOST_AUTO_TEST_CASE(the_reference_changes_it_once_an_epoch) {
  const auto rate = cosine_annealing::over(10, 30, preset::reference);
  check_close(rate(29), 1e-4);
  check_close(rate(30), annealed(1.0 / 300));
  check_close(rate(299), annealed(9.0 / 300));
}

BOOST_AUTO_TEST_CASE(warmup_rises_linearly_to_the_first_rate) {
  const cosine_annealing rate{.steps = 50, .warmup = 10};
  for (std::uint64_t step = 0; step < 10; ++step) check_close(rate(step), 1e-5 * double(step + 1));
  check_close(rate(10), 1e-4);
  check_close(rate(20), annealed(0.25));
  check_close(rate(50), 1e-6);
}

BOOST_AUTO_TEST_CASE(a_training_no_longer_than_its_warmup_has_a_rate) {
  const cosine_annealing rate{.steps = 10, .warmup = 10};
  check_close(rate(9), 1e-4);
  check_close(rate(10), 1e-4);
  check_close(rate(11), 1e-6);
  check_close(cosine_annealing{.steps = 0}(0), 1e-4);
}

BOOST_AUTO_TEST_CASE(annealing_is_planned_anew_for_another_length) {
  const cosine_annealing whole{.steps = 5000, .first = 1e-3, .last = 1e-5, .warmup = 10};
  const cosine_annealing shorter{.steps = 50, .first = 1e-3, .last = 1e-5, .warmup = 10};
  for (std::uint64_t step = 0; step < 60; ++step)
    BOOST_CHECK_EQUAL(whole.lasting(50)(step), shorter(step));
  BOOST_CHECK_EQUAL(whole.lasting(20).warmup, 10u);
  BOOST_CHECK_EQUAL(whole.lasting(9).warmup, 4u);
  BOOST_CHECK_EQUAL(whole.lasting(5000)(2505), whole(2505));
  BOOST_CHECK_EQUAL(cosine_annealing::over(10, 30, preset::reference).lasting(9).steps_per_change,
                    30u);
}

BOOST_AUTO_TEST_CASE(a_constant_rate) { BOOST_CHECK_EQUAL(constant_rate{0.5}(123), 0.5); }

BOOST_AUTO_TEST_SUITE_END()
