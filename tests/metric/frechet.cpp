// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>

#include <Eigen/Dense>

#include <lift/core/error.hpp>
#include <lift/metric/frechet.hpp>
#include <lift/metric/gaussian.hpp>

#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(frechet_tests)

namespace {

Eigen::MatrixXd samples(const golden_file& file, const std::string& name) {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto extents = file.shape(name);
  const auto values = file.values(name);
  return Eigen::Map<const row_major>(values.data(), static_cast<Eigen::Index>(extents[0]),
                                     static_cast<Eigen::Index>(extents[1]));
}

lift::gaussian fit(const Eigen::MatrixXd& rows) {
  lift::gaussian_fit result;
  result.add(rows);
  return result.result();
}

lift::gaussian diagonal(const Eigen::VectorXd& mean, const Eigen::VectorXd& variances) {
  return {mean, variances.asDiagonal()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_distances) {
  const golden_file file("frechet.safetensors");
  for (const std::string index : {"0", "1", "2", "3"}) {
    const auto x = fit(samples(file, "x." + index)), y = fit(samples(file, "y." + index));
    const double expected = file.values("frechet." + index)[0];
    BOOST_TEST(lift::frechet_distance(x, y) == expected, boost::test_tools::tolerance(1e-8));
    BOOST_TEST(lift::frechet_distance(y, x) == expected, boost::test_tools::tolerance(1e-8));
    BOOST_TEST(lift::frechet_distance(x, x) < 1e-8 * expected);
  }
}

// Between commuting covariances the distance is Σ (Δμᵢ)² + (σᵢ − τᵢ)².
BOOST_AUTO_TEST_CASE(diagonal_covariances) {
  const auto a = diagonal(Eigen::Vector3d(1, 2, 3), Eigen::Vector3d(4, 9, 0));
  const auto b = diagonal(Eigen::Vector3d(1, 0, 4), Eigen::Vector3d(16, 0, 0));
  BOOST_TEST(lift::frechet_distance(a, b) == 4.0 + 1 + 4 + 9, boost::test_tools::tolerance(1e-12));
  const auto point = diagonal(Eigen::Vector3d(1, 2, 3), Eigen::Vector3d::Zero());
  BOOST_TEST(lift::frechet_distance(a, point) == 13.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(lift::frechet_distance(point, point) == 0.0);
}

BOOST_AUTO_TEST_CASE(pieces_and_merges_equal_one_fit) {
  const Eigen::MatrixXd rows = samples(golden_file("frechet.safetensors"), "x.2").array() + 1e6;
  lift::gaussian_fit pieces, rest;
  pieces.add(rows.topRows(1));
  pieces.add(rows.middleRows(1, 70));
  pieces.add(rows.topRows(0));
  rest.add(rows.bottomRows(rows.rows() - 71));
  pieces.merge(rest);
  pieces.merge(lift::gaussian_fit());
  BOOST_TEST(pieces.count() == static_cast<std::size_t>(rows.rows()));

  const Eigen::MatrixXd centred = rows.rowwise() - rows.colwise().mean();
  const Eigen::MatrixXd covariance =
      centred.transpose() * centred / static_cast<double>(rows.rows() - 1);
  const auto result = pieces.result();
  BOOST_TEST((result.mean - rows.colwise().mean().transpose()).norm() < 1e-14 * result.mean.norm());
  BOOST_TEST((result.covariance - covariance).norm() < 1e-9 * covariance.norm());
}

BOOST_AUTO_TEST_CASE(samples_that_cannot_be_fitted) {
  lift::gaussian_fit fit;
  BOOST_CHECK_THROW(fit.result(), lift::error);
  fit.add(Eigen::MatrixXf::Ones(1, 3));
  BOOST_CHECK_THROW(fit.result(), lift::error);
  BOOST_CHECK_THROW(fit.add(Eigen::MatrixXf::Ones(2, 4)), lift::error);
  Eigen::MatrixXf broken = Eigen::MatrixXf::Ones(2, 3);
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    broken(1, 2) = value;
    BOOST_CHECK_THROW(fit.add(broken), lift::error);
  }
  BOOST_TEST(fit.count() == 1U);
}

BOOST_AUTO_TEST_CASE(gaussians_that_cannot_be_compared) {
  const auto good = diagonal(Eigen::Vector3d::Zero(), Eigen::Vector3d::Ones());
  auto broken = good;
  broken.covariance(0, 1) = std::numeric_limits<double>::quiet_NaN();
  const auto smaller = diagonal(Eigen::Vector2d::Zero(), Eigen::Vector2d::Ones());
  const lift::gaussian mixed{good.mean, smaller.covariance};
  for (const auto& bad : {broken, smaller, mixed, lift::gaussian{}}) {
    BOOST_CHECK_THROW(lift::frechet_distance(good, bad), lift::error);
    BOOST_CHECK_THROW(lift::frechet_distance(bad, good), lift::error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
