// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include <lift/core/random.hpp>
#include <lift/metric/kernel_distance.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(kernel_distance_tests)

namespace {

/// Independent normal numbers about `centre`.
Eigen::MatrixXf normal(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed, float centre = 0) {
  const lift::random_stream stream{.seed = seed};
  Eigen::MatrixXf x(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < columns; ++j)
      x(i, j) = centre + static_cast<float>(stream.normal_pair(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(j))[0]);
  return x;
}

/// The unbiased estimate, term by term.
double estimate(const Eigen::MatrixXf& x, const Eigen::MatrixXf& y) {
  const auto mean = [](const Eigen::MatrixXf& a, const Eigen::MatrixXf& b, bool same) {
    double sum = 0, terms = 0;
    for (Eigen::Index i = 0; i < a.rows(); ++i)
      for (Eigen::Index j = 0; j < b.rows(); ++j) {
        if (same && i == j) continue;
        double product = 0;
        for (Eigen::Index k = 0; k < a.cols(); ++k) product += double(a(i, k)) * b(j, k);
        sum += std::pow(product / static_cast<double>(a.cols()) + 1, 3);
        ++terms;
      }
    return sum / terms;
  };
  return mean(x, x, true) + mean(y, y, true) - 2 * mean(x, y, false);
}

Eigen::MatrixXf without_row(const Eigen::MatrixXf& x, Eigen::Index row) {
  Eigen::MatrixXf rest(x.rows() - 1, x.cols());
  rest << x.topRows(row), x.bottomRows(x.rows() - row - 1);
  return rest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_its_definition) {
  const Eigen::MatrixXf x = normal(9, 4, 1), y = normal(6, 4, 2, 0.5F);
  const lift::sample_mean found = lift::kernel_distance(x, y);
  BOOST_TEST(found.mean == estimate(x, y), boost::test_tools::tolerance(1e-12));
  const auto variance = [](const std::vector<double>& values) {
    const double n = static_cast<double>(values.size());
    double sum = 0, squares = 0;
    for (const double v : values) sum += v;
    for (const double v : values) squares += (v - sum / n) * (v - sum / n);
    return squares * (n - 1) / n;
  };
  std::vector<double> without_x, without_y;
  for (Eigen::Index i = 0; i < x.rows(); ++i) without_x.push_back(estimate(without_row(x, i), y));
  for (Eigen::Index i = 0; i < y.rows(); ++i) without_y.push_back(estimate(x, without_row(y, i)));
  BOOST_TEST(found.standard_error == std::sqrt(variance(without_x) + variance(without_y)),
             boost::test_tools::tolerance(1e-9));
}

// Between equal distributions it is 0 within its error, between others it is not, however many rows
// are taken at a time.
BOOST_AUTO_TEST_CASE(tells_distributions_apart) {
  int beyond_two = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto same = lift::kernel_distance(normal(300, 8, 2 * seed), normal(280, 8, 2 * seed + 1));
    beyond_two += std::abs(same.mean) > 2 * same.standard_error;
  }
  BOOST_TEST(beyond_two <= 4);
  const auto other = lift::kernel_distance(normal(300, 8, 1), normal(280, 8, 2, 0.3F));
  BOOST_TEST(other.mean > 4 * other.standard_error);
}

BOOST_AUTO_TEST_CASE(sets_that_cannot_be_compared) {
  BOOST_TEST(lift::test::message_of([] { lift::kernel_distance(normal(5, 2, 1), normal(5, 3, 1)); }) ==
             "features of a kernel distance: got 3, want 2");
  BOOST_TEST(lift::test::message_of([] { lift::kernel_distance(normal(5, 2, 1), normal(2, 2, 1)); }) ==
             "images of a kernel distance: got 2, want at least 3");
}

BOOST_AUTO_TEST_SUITE_END()
