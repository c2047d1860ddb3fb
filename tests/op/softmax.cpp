// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include <lift/op/softmax.hpp>

#include "backends.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(softmax_tests)

using namespace lift;
using namespace lift::test;

BOOST_AUTO_TEST_CASE_TEMPLATE(numbers_of_any_size_are_taken, Tensor, backend_tensors<float>) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{3e4F, 3e4F, -3e4F, -3e4F, 1, 1, 1, 1, 0, -infinity, std::log(3.F), -infinity};
  const auto y = op::softmax{}.forward(Tensor({3, 4}, x));
  const std::vector<float> want{0.5F, 0.5F, 0, 0, 0.25F, 0.25F, 0.25F, 0.25F, 0.25F, 0, 0.75F, 0};
  const auto got = y.value.to_host();
  for (std::size_t i = 0; i < want.size(); ++i) BOOST_CHECK_SMALL(got[i] - want[i], 1e-6F);
  // y∘(d − Σ y·d)
  const op::tangents<Tensor, 1> dx{Tensor({3, 4}, {1, 2, 5, 7, 1, 2, 3, 4, 1, 9, 3, 9})};
  const auto dy = op::softmax{}.jvp(y.saved, dx).to_host();
  const std::vector<float> slope{-0.25F, 0.25F, 0, 0, -0.375F, -0.125F, 0.125F, 0.375F, -0.375F, 0, 0.375F, 0};
  for (std::size_t i = 0; i < slope.size(); ++i) BOOST_CHECK_SMALL(dy[i] - slope[i], 1e-6F);
}

BOOST_AUTO_TEST_CASE(it_is_of_rows) {
  BOOST_TEST(message_of([] { op::softmax{}.output_shape({2, 3, 1}); }) ==
             "softmax: shape of the input: got (2, 3, 1), want (B, K), K at least 1");
}

BOOST_AUTO_TEST_SUITE_END()
