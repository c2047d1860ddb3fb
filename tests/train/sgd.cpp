// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include <lift/train/any_optimiser.hpp>

#include <io/hostile.hpp>
#include <tensors.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(sgd_tests)

using namespace lift;
using namespace lift::test;

namespace {

static_assert(optimiser<sgd, tensor_f> && optimiser<sgd, tensor_d>);
static_assert(optimiser<any_optimiser, tensor_f>);
static_assert(!optimiser<ema, tensor_f>);

/// A step of one parameter.
template <class Tensor>
void update(const sgd& optimiser, Tensor& p, Tensor& v, const Tensor& gradient, double scale,
            double rate) {
  using T = typename Tensor::value_type;
  const auto alone = [](const Tensor& x) { return parameters<Tensor>({{"w", x}}); };
  auto weights = alone(p);  // handles: the elements are shared
  std::vector state{alone(v)};
  const auto coefficients = optimiser.coefficients_at<T>(rate, 1);
  optimiser.update(weights, state, {gradient}, full<Tensor>({1}, static_cast<T>(scale)),
                   Tensor({coefficients.size()}, std::span(coefficients)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(steps_by_hand) {
  // p = 1, gradients 2 and −1, rate 0.1, μ = 0.5: v = 2, then 0.5·2 − 1 = 0.
  for (const bool nesterov : {false, true}) {
    const sgd optimiser{.momentum = 0.5, .nesterov = nesterov, .weight_decay = 0.01};
    tensor_d p({1}, std::vector{1.0}), v = zeros<tensor_d>({1});
    update(optimiser, p, v, tensor_d({1}, std::vector{2.0}), 1, 0.1);
    const double first = 0.999 - 0.1 * (nesterov ? 2 + 0.5 * 2 : 2);
    BOOST_CHECK_SMALL(p.to_host()[0] - first, 1e-15);
    BOOST_CHECK_SMALL(v.to_host()[0] - 2, 1e-15);
    update(optimiser, p, v, tensor_d({1}, std::vector{-1.0}), 1, 0.1);
    BOOST_CHECK_SMALL(p.to_host()[0] - (0.999 * first - 0.1 * (nesterov ? -1 : 0)), 1e-15);
    BOOST_CHECK_SMALL(v.to_host()[0], 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(a_scale_that_is_not_finite_changes_nothing) {
  for (const double scale : {std::nan(""), HUGE_VAL}) {
    tensor_d p({2}, std::vector{1.0, 2.0}), v = p.clone();
    update(sgd{.nesterov = true}, p, v, p.clone(), scale, 0.1);
    for (const tensor_d& each : {p, v}) BOOST_CHECK((each.to_host() == std::vector<double>{1, 2}));
  }
}

using precisions = std::tuple<tensor_f, tensor_d>;

BOOST_AUTO_TEST_CASE_TEMPLATE(many_steps_of_many_elements, Tensor, precisions) {
  using T = typename Tensor::value_type;
  const std::size_t n = 37;  // whole SIMD batches and a rest
  for (const sgd& optimiser : {sgd{.momentum = 0}, sgd{}, sgd{.momentum = 0.8, .weight_decay = 0.02},
                               sgd{.momentum = 0.8, .nesterov = true, .weight_decay = 0.02}}) {
    std::vector<double> p(n), v(n);
    for (std::size_t i = 0; i < n; ++i) p[i] = std::cos(double(i));
    Tensor tp({n}, std::vector<T>(p.begin(), p.end())), tv = zeros<Tensor>({n});
    for (unsigned t = 1; t <= 20; ++t) {
      std::vector<T> gradient(n);
      for (std::size_t i = 0; i < n; ++i) {
        gradient[i] = static_cast<T>(std::sin(double(i * t)));
        const double g = 0.5 * double(gradient[i]);
        v[i] = optimiser.momentum * v[i] + g;
        p[i] -= 0.01 * optimiser.weight_decay * p[i];
        p[i] -= 0.01 * (optimiser.nesterov ? g + optimiser.momentum * v[i] : v[i]);
      }
      update(optimiser, tp, tv, Tensor({n}, gradient), 0.5, 0.01);
    }
    const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
    BOOST_CHECK_LT(relative_l2(tp.to_host(), p), tolerance);
    BOOST_CHECK_LT(relative_l2(tv.to_host(), v), tolerance);
  }
}

namespace {

const objective plain{cosine_schedule(), independent_regime{}};

template <class Optimiser>
training_state<tensor_f> fresh(const Optimiser& optimiser) {
  return training_state(network<toy_network, tensor_f>(toy_network{}, 1).weights, 1, optimiser);
}

}  // namespace

BOOST_AUTO_TEST_CASE(training_learns) {
  const auto source = noise_source<tensor_f>(32, 8);
  for (const bool nesterov : {false, true}) {
    training_options<sgd> options{.batch_size = 16};
    options.optimiser.nesterov = nesterov;
    trainer training(toy_network{}, fresh(options.optimiser), source, plain, constant_rate{0.02},
                     options);
    BOOST_CHECK_EQUAL(training.state().optimiser_state.size(), 1u);
    double first = 0, last = 0;
    training.run(200, [&](const step_report<>& r) {
      (r.step <= 20 ? first : last) += r.step <= 20 || r.step > 180 ? r.loss.fine() : 0;
    });
    BOOST_CHECK_LT(last, 0.6 * first);
  }
}

BOOST_AUTO_TEST_CASE(one_chosen_at_run_time_does_the_same) {
  const auto source = noise_source<tensor_f>(32, 8);
  const auto trained = [&](const auto& optimiser) {
    const training_options<std::decay_t<decltype(optimiser)>> options{.batch_size = 16,
                                                                      .optimiser = optimiser};
    trainer training(toy_network{}, fresh(optimiser), source, plain, constant_rate{0.02}, options);
    training.run(5, [](const step_report<>&) {});
    return training.state().clone();
  };
  BOOST_CHECK(same_state(trained(make_optimiser("adamw")), trained(adamw{})));
  BOOST_CHECK(same_state(trained(make_optimiser("sgd")), trained(sgd{})));
  BOOST_CHECK(!same_state(trained(sgd{}), trained(adamw{})));
  check_error([] { make_optimiser("adam"); },
              "unknown optimiser: got \"adam\", want one of adamw, sgd");
}

BOOST_AUTO_TEST_CASE(the_state_of_another_optimiser_is_refused) {
  const auto source = noise_source<tensor_f>(64, 4);
  const char* message = "optimiser of a training state: got sgd (momentum), want adamw (m, v)";
  check_error([&] { trainer(toy_network{}, fresh(sgd{}), source, plain, constant_rate{}); },
              message);
  check_error([&] {
    trainer(toy_network{}, fresh(adamw{}), source, plain, constant_rate{},
            training_options<sgd>{});
  }, "optimiser of a training state: got adamw (m, v), want sgd (momentum)");
  auto state = fresh(sgd{});
  check_error([&] { update(state, loss_gradient<tensor_f>{}, 0.1, {}); }, message);
}

BOOST_AUTO_TEST_SUITE_END()
