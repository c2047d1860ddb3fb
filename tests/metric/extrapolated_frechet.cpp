// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>

#include <lift/core/random.hpp>
#include <lift/metric/extrapolated_frechet.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(extrapolated_frechet_tests)

namespace {

constexpr Eigen::Index features = 12;

Eigen::MatrixXf normal(Eigen::Index rows, std::uint64_t seed, double centre) {
  const lift::random_stream stream{.seed = seed};
  Eigen::MatrixXf x(rows, features);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < features; ++j)
      x(i, j) = static_cast<float>(centre + stream.normal_pair(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(j))[0]);
  return x;
}

const lift::gaussian standard{Eigen::VectorXd::Zero(features), Eigen::MatrixXd::Identity(features, features)};

}  // namespace

// From few images of a known distance, the bias is gone and the error says how far it still is.
BOOST_AUTO_TEST_CASE(corrects_the_bias_of_few_images) {
  const lift::frechet_reference reference(standard);
  for (const double centre : {0.0, 0.3}) {
    const double truth = centre * centre * features;
    double total = 0, direct = 0, beyond_two = 0;
    constexpr int repeats = 40;
    for (int r = 0; r < repeats; ++r) {
      const Eigen::MatrixXf x = normal(400, static_cast<std::uint64_t>(r + 1), centre);
      const lift::sample_mean found = lift::extrapolated_frechet_distance(reference, x);
      lift::gaussian_fit fit;
      fit.add(x);
      total += found.mean / repeats;
      direct += reference.distance_to(fit.result()) / repeats;
      beyond_two += std::abs(found.mean - truth) > 2 * found.standard_error;
    }
    BOOST_TEST(std::abs(total - truth) < 0.2 * (direct - truth));
    BOOST_TEST(beyond_two <= 0.2 * repeats);
  }
}

BOOST_AUTO_TEST_CASE(wants_a_hundred_images) {
  const lift::frechet_reference reference(standard);
  BOOST_TEST(lift::test::message_of([&] {
    lift::extrapolated_frechet_distance(reference, normal(99, 1, 0));
  }) == "images of an extrapolated Fréchet distance: got 99, want at least 100");
}

BOOST_AUTO_TEST_SUITE_END()
