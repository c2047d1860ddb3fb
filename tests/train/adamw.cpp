// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include <lift/train/adamw.hpp>
#include <lift/train/optimiser.hpp>

#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(adamw_tests)

using namespace lift;
using namespace lift::test;

namespace {

static_assert(optimiser<adamw, tensor_f> && optimiser<adamw, tensor_d>);

/// The coefficients of a step.
template <class Tensor>
Tensor numbers_of(const adamw& optimiser, double rate, std::uint64_t t) {
  const auto coefficients = optimiser.coefficients_at<typename Tensor::value_type>(rate, t);
  return Tensor({coefficients.size()}, std::span(coefficients));
}

/// A step of one parameter.
template <class Tensor>
void update(const adamw& optimiser, Tensor& p, Tensor& m, Tensor& v, const Tensor& gradient,
            double scale, double rate, std::uint64_t t) {
  const auto alone = [](const Tensor& x) { return parameters<Tensor>({{"w", x}}); };
  auto weights = alone(p);  // handles: the elements are shared
  std::vector state{alone(m), alone(v)};
  using T = typename Tensor::value_type;
  optimiser.update(weights, state, {gradient},
                   full<Tensor>({1}, static_cast<T>(scale)), numbers_of<Tensor>(optimiser, rate, t));
}

}  // namespace

BOOST_AUTO_TEST_CASE(steps_by_hand) {
  // One element, p = 1, gradient 2, rate 0.1: m̂ = g and v̂ = g² after the first step, so
  // p = 1·(1 − 0.1·0.01) − 0.1·2/(2 + 1e-8).
  tensor_d p({1}, std::vector{1.0}), m = zeros<tensor_d>({1}), v = m.clone();
  update(adamw{}, p, m, v, tensor_d({1}, std::vector{2.0}), 1, 0.1, 1);
  BOOST_CHECK_SMALL(p.to_host()[0] - (0.999 - 0.2 / (2 + 1e-8)), 1e-15);
  BOOST_CHECK_SMALL(m.to_host()[0] - 0.2, 1e-15);
  BOOST_CHECK_SMALL(v.to_host()[0] - 0.004, 1e-15);
  // Second step, gradient −1: m = 0.9·0.2 − 0.1 = 0.08, v = 0.999·0.004 + 0.001 = 0.004996.
  const double before = p.to_host()[0];
  update(adamw{}, p, m, v, tensor_d({1}, std::vector{-1.0}), 1, 0.1, 2);
  const double want =
      before * 0.999 - 0.1 * (0.08 / 0.19) / (std::sqrt(0.004996 / (1 - 0.999 * 0.999)) + 1e-8);
  BOOST_CHECK_SMALL(p.to_host()[0] - want, 1e-13);
}

BOOST_AUTO_TEST_CASE(a_scale_that_is_not_finite_changes_nothing) {
  for (const double scale : {std::nan(""), HUGE_VAL}) {
    tensor_d p({2}, std::vector{1.0, 2.0}), m = p.clone(), v = p.clone();
    update(adamw{}, p, m, v, p.clone(), scale, 0.1, 1);
    for (const tensor_d& each : {p, m, v})
      BOOST_CHECK((each.to_host() == std::vector<double>{1, 2}));
  }
}

BOOST_AUTO_TEST_CASE(many_parameters_at_once) {
  // Sizes around a piece's; a parameter without a gradient stays as it is.
  const std::vector<std::size_t> sizes = {1, 16383, 16384, 5, 16385, 40000};
  std::vector<parameters<tensor_d>::entry> p, m, v;
  std::vector<tensor_d> gradients;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const shape s{sizes[i]};
    p.push_back({text("w", i), full<tensor_d>(s, 1)});
    m.push_back({text("w", i), zeros<tensor_d>(s)});
    v.push_back({text("w", i), zeros<tensor_d>(s)});
    gradients.push_back(i == 3 ? tensor_d() : full<tensor_d>(s, double(i + 1)));
  }
  parameters<tensor_d> weights(p), first(m), second(v);
  std::vector state{first, second};  // handles
  adamw{}.update(weights, state, gradients, full<tensor_d>({1}, 1),
                 numbers_of<tensor_d>(adamw{}, 0.1, 1));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double g = i == 3 ? 0 : double(i + 1), want = i == 3 ? 1 : 0.999 - 0.1 * g / (g + 1e-8);
    for (const double x : weights.entries()[i].value.to_host())
      BOOST_REQUIRE_SMALL(x - want, 1e-14);
    for (const double x : first.entries()[i].value.to_host())
      BOOST_REQUIRE_SMALL(x - 0.1 * g, 1e-14);
  }
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
    update(optimiser, tp, tm, tv, Tensor({n}, gradient), 0.5, 0.01, t);
  }
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  BOOST_CHECK_LT(relative_l2(tp.to_host(), p), tolerance);
  BOOST_CHECK_LT(relative_l2(tm.to_host(), m), tolerance);
  BOOST_CHECK_LT(relative_l2(tv.to_host(), v), tolerance);
}

BOOST_AUTO_TEST_SUITE_END()
