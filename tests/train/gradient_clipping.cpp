// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <lift/train/gradient_clipping.hpp>

#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(gradient_clipping_tests)

using namespace lift;
using namespace lift::test;

BOOST_AUTO_TEST_CASE(norms_of_tensors_and_of_all) {
  const std::vector<tensor_d> gradients{tensor_d({2}, std::vector{3.0, 4.0}), {},
                                        tensor_d({1, 1}, std::vector{-12.0})};
  const auto each = norms(gradients);
  BOOST_CHECK((each == std::vector<double>{5, 0, 12}));
  BOOST_CHECK_EQUAL(global_norm(each), 13);
}

BOOST_AUTO_TEST_CASE(an_element_that_is_not_finite_shows) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()})
    for (std::size_t at : {0u, 17u, 36u}) {
      std::vector<float> values(37, 1.0f);
      values[at] = bad;
      BOOST_CHECK(!std::isfinite(norms(std::vector{tensor_f({37}, values)})[0]));
    }
}

BOOST_AUTO_TEST_CASE(coefficient_is_pytorchs) {
  const double infinite = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const auto coefficient = [](double norm, double most, double loss = 1) {
    // 64 gradients of one element together have that norm.
    const std::vector<tensor_d> gradients(64, full<tensor_d>({1}, norm / 8));
    const gradient_norms<tensor_d> norms(gradients, {tensor_d(), full<tensor_d>({1}, loss)});
    BOOST_CHECK_EQUAL(norms.to_host().losses[0], 0);
    return norms.clip_coefficient(most).to_host()[0];
  };
  BOOST_CHECK_EQUAL(coefficient(0.5, 1), 1);
  BOOST_CHECK_EQUAL(coefficient(0, 1), 1);
  BOOST_CHECK_CLOSE(coefficient(1, 1), 1 / (1 + 1e-6), 1e-10);
  BOOST_CHECK_CLOSE(coefficient(4, 1), 1 / (4 + 1e-6), 1e-10);
  BOOST_CHECK_EQUAL(coefficient(4, infinite), 1);
  for (const double bad : {infinite, nan}) {
    BOOST_CHECK(std::isnan(coefficient(bad, 1)));
    BOOST_CHECK(std::isnan(coefficient(bad, infinite)));
    BOOST_CHECK(std::isnan(coefficient(1, 1, bad)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
