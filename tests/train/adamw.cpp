// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE adamw
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <tuple>
#include <type_traits>
#include <vector>

#include <lift/train/adamw.hpp>

#include "tensors.hpp"

using namespace lift;
using namespace lift::test;

BOOST_AUTO_TEST_CASE(steps_by_hand) {
  // One element, p = 1, gradient 2, rate 0.1: m̂ = g and v̂ = g² after the first step, so
  // p = 1·(1 − 0.1·0.01) − 0.1·2/(2 + 1e-8).
  tensor_d p({1}, std::vector{1.0}), m = zeros<tensor_d>({1}), v = m.clone();
  adamw{}.update(p, m, v, tensor_d({1}, std::vector{2.0}), 1, 0.1, 1);
  BOOST_CHECK_SMALL(p.to_host()[0] - (0.999 - 0.2 / (2 + 1e-8)), 1e-15);
  BOOST_CHECK_SMALL(m.to_host()[0] - 0.2, 1e-15);
  BOOST_CHECK_SMALL(v.to_host()[0] - 0.004, 1e-15);
  // Second step, gradient −1: m = 0.9·0.2 − 0.1 = 0.08, v = 0.999·0.004 + 0.001 = 0.004996.
  const double before = p.to_host()[0];
  adamw{}.update(p, m, v, tensor_d({1}, std::vector{-1.0}), 1, 0.1, 2);
  const double want =
      before * 0.999 - 0.1 * (0.08 / 0.19) / (std::sqrt(0.004996 / (1 - 0.999 * 0.999)) + 1e-8);
  BOOST_CHECK_SMALL(p.to_host()[0] - want, 1e-13);
}

using precisions = std::tuple<tensor_f, tensor_d>;

BOOST_AUTO_TEST_CASE_TEMPLATE(many_steps_of_many_elements, Tensor, precisions) {
  using T = typename Tensor::value_type;
  const std::size_t n = 37;  // whole SIMD batches and a rest
  const adamw optimiser{.weight_decay = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  std::vector<double> p(n), m(n), v(n);
  for (std::size_t i = 0; i < n; ++i) p[i] = std::cos(double(i));
  Tensor tp({n}, std::vector<T>(p.begin(), p.end())), tm = zeros<Tensor>({n}), tv = tm.clone();
  for (unsigned t = 1; t <= 20; ++t) {
    std::vector<T> gradient(n);
    for (std::size_t i = 0; i < n; ++i) {
      gradient[i] = static_cast<T>(std::sin(double(i * t)));
      const double g = 0.5 * double(gradient[i]);
      m[i] = 0.8 * m[i] + 0.2 * g;
      v[i] = 0.95 * v[i] + 0.05 * g * g;
      const double corrected_m = m[i] / (1 - std::pow(0.8, t));
      const double corrected_v = v[i] / (1 - std::pow(0.95, t));
      p[i] -= 0.01 * 0.02 * p[i];
      p[i] -= 0.01 * corrected_m / (std::sqrt(corrected_v) + 1e-6);
    }
    optimiser.update(tp, tm, tv, Tensor({n}, gradient), 0.5, 0.01, t);
  }
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  BOOST_CHECK_LT(relative_l2(tp.to_host(), p), tolerance);
  BOOST_CHECK_LT(relative_l2(tm.to_host(), m), tolerance);
  BOOST_CHECK_LT(relative_l2(tv.to_host(), v), tolerance);
}
