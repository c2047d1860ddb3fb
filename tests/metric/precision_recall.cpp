// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <lift/metric/precision_recall.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(precision_recall_tests)

namespace {

Eigen::MatrixXf points(std::initializer_list<float> along) {
  Eigen::MatrixXf x(static_cast<Eigen::Index>(along.size()), 2);
  Eigen::Index i = 0;
  for (const float at : along) x.row(i++) = Eigen::RowVector2f(at, 1);
  return x;
}

}  // namespace

// On a line, neighbourhoods are seen at a glance: with k = 1 those of 0, 1, 3 and 10 reach as far as 1,
// 1, 2 and 7.
BOOST_AUTO_TEST_CASE(on_a_line) {
  const Eigen::MatrixXf real = points({0, 1, 3, 10}), generated = points({-1.5F, 0.5F, 4.5F, 17.5F, 2.5F});
  const auto found = lift::improved_precision_recall(generated, real, 1);
  BOOST_TEST(found.precision == 3.0 / 5);  // all but −1.5 and 17.5
  // neighbourhoods of the generated: −1.5 ± 2, 0.5 ± 2, 4.5 ± 2, 17.5 ± 13, 2.5 ± 2
  BOOST_TEST(found.recall == 1.0);
  const auto mirrored = lift::improved_precision_recall(real, generated, 1);
  BOOST_TEST(mirrored.precision == found.recall);
  BOOST_TEST(mirrored.recall == found.precision);
}

BOOST_AUTO_TEST_CASE(equal_and_distant_sets) {
  Eigen::MatrixXf many = Eigen::MatrixXf::Random(600, 5);  // more than are taken at a time
  const auto same = lift::improved_precision_recall(many, many);
  BOOST_TEST(same.precision == 1.0);
  BOOST_TEST(same.recall == 1.0);
  const Eigen::MatrixXf away = many.array() + 100;
  const auto apart = lift::improved_precision_recall(many, away);
  BOOST_TEST(apart.precision == 0.0);
  BOOST_TEST(apart.recall == 0.0);
  // Half of them at one place: precise, but little is recalled.
  const Eigen::MatrixXf collapsed = many.row(0).replicate(100, 1);
  const auto mode = lift::improved_precision_recall(collapsed, many);
  BOOST_TEST(mode.precision == 1.0);
  BOOST_TEST(mode.recall < 0.01);
}

BOOST_AUTO_TEST_CASE(sets_that_cannot_be_compared) {
  const auto message = [](const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) {
    return lift::test::message_of([&] { lift::improved_precision_recall(a, b); });
  };
  BOOST_TEST(message(points({1, 2, 3, 4}), Eigen::MatrixXf::Zero(4, 3)) ==
             "features of precision and recall: got 2, want 3");
  BOOST_TEST(message(points({1, 2, 3, 4}), points({1, 2, 3})) ==
             "images of precision and recall: got 3, want more than 3");
}

BOOST_AUTO_TEST_SUITE_END()
