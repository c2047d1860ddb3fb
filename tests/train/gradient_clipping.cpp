// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE gradient_clipping
#include <boost/test/unit_test.hpp>

#include <limits>
#include <vector>

#include <lift/train/gradient_clipping.hpp>

#include "tensors.hpp"

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
  BOOST_CHECK_EQUAL(clip_coefficient(0.5, 1), 1);
  BOOST_CHECK_EQUAL(clip_coefficient(0, 1), 1);
  BOOST_CHECK_EQUAL(clip_coefficient(1, 1), 1 / (1 + 1e-6));
  BOOST_CHECK_EQUAL(clip_coefficient(4, 1), 1 / (4 + 1e-6));
  BOOST_CHECK_EQUAL(clip_coefficient(4, std::numeric_limits<double>::infinity()), 1);
}
