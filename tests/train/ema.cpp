// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <lift/train/ema.hpp>

#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(ema_tests)

using namespace lift;
using namespace lift::test;

namespace {

parameters<tensor_d> of(std::vector<double> values) {
  return parameters<tensor_d>({{"w", tensor_d({values.size()}, values)}});
}

/// Step t of the average.
void update(const ema& follow, parameters<tensor_d>& average, const parameters<tensor_d>& weights,
            std::uint64_t t, double scale = 1) {
  const auto coefficients = follow.coefficients_at<double>(t);
  follow.update(average, weights, full<tensor_d>({1}, scale),
                tensor_d({2}, std::span(coefficients)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(follows_the_weights_at_its_decay) {
  auto average = of({1, 2, 3});
  const ema follow{.decay = 0.75, .warmup = false};
  update(follow, average, of({5, 2, -1}), 1);
  BOOST_CHECK((average["w"].to_host() == std::vector<double>{2, 2, 2}));
  update(follow, average, of({6, 2, -2}), 2);
  BOOST_CHECK((average["w"].to_host() == std::vector<double>{3, 2, 1}));
  for (const double scale : {std::nan(""), HUGE_VAL}) update(follow, average, of({9, 9, 9}), 3, scale);
  BOOST_CHECK((average["w"].to_host() == std::vector<double>{3, 2, 1}));
}

BOOST_AUTO_TEST_CASE(warmup_lets_go_of_the_initial_weights) {
  BOOST_CHECK_EQUAL(ema{}.decay_at(1), 0.1);
  BOOST_CHECK_EQUAL(ema{}.decay_at(91), 0.91);
  BOOST_CHECK_EQUAL(ema{}.decay_at(10'000'000), 0.9999);
  for (const std::uint64_t t : {1u, 1000u}) BOOST_CHECK_EQUAL(ema::reference().decay_at(t), 0.9999);
  auto average = of({1});
  for (std::uint64_t t = 1; t <= 100; ++t) update(ema{}, average, of({0}), t);
  BOOST_CHECK_LT(average["w"].to_host()[0], 1e-6);
}

BOOST_AUTO_TEST_SUITE_END()
