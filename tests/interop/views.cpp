// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <numeric>
#include <vector>

#include <lift/interop.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(views_tests)

using namespace lift;
using tensor_d = tensor<xtensor_backend, double>;

namespace {

tensor_d counting(const shape& dims) {
  std::vector<double> values(dims.size());
  std::iota(values.begin(), values.end(), 0.0);
  return tensor_d(dims, values);
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_expression_sees_the_elements_where_they_are) {
  const tensor_d x = counting({2, 3, 4});
  const auto view = as_xtensor(x);
  BOOST_CHECK_EQUAL(view.data(), x.data());
  BOOST_CHECK_EQUAL(view.dimension(), 3u);
  BOOST_CHECK_EQUAL(view(1, 2, 3), 23);
  BOOST_CHECK_EQUAL(xt::sum(view)(), 276);
}

BOOST_AUTO_TEST_CASE(what_is_written_every_handle_sees) {
  tensor_d x = counting({2, 2});
  const tensor_d other = x;
  auto view = as_xtensor(x);
  view *= 10;
  BOOST_CHECK((other.to_host() == std::vector<double>{0, 10, 20, 30}));
}

BOOST_AUTO_TEST_CASE(a_tensor_is_made_of_an_expression) {
  const tensor_d x = counting({2, 3});
  const tensor_d y = from_xtensor<double>(1 + 2 * as_xtensor(x));
  BOOST_CHECK((y.shape() == shape{2, 3}));
  BOOST_CHECK((y.to_host() == std::vector<double>{1, 3, 5, 7, 9, 11}));
  BOOST_CHECK(x.data() != y.data());
}

BOOST_AUTO_TEST_CASE(a_matrix_has_a_row_for_each_image) {
  const tensor_d x = counting({3, 1, 2, 2});
  const auto rows = as_eigen(x);
  BOOST_CHECK_EQUAL(rows.data(), x.data());
  BOOST_CHECK_EQUAL(rows.rows(), 3);
  BOOST_CHECK_EQUAL(rows.cols(), 4);
  BOOST_CHECK_EQUAL((rows * Eigen::Vector4d::Ones())(2), 8 + 9 + 10 + 11);
  BOOST_CHECK_EQUAL(test::message_of([] {
                      const tensor_d scalar = counting({});
                      as_eigen(scalar);
                    }),
                    "axes of a tensor seen as a matrix: got 0, want at least 1");
}

BOOST_AUTO_TEST_SUITE_END()
