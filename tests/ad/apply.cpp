// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <type_traits>

#include <lift/ad/apply.hpp>
#include <lift/op/add.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/linear.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/op/silu.hpp>

#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(apply_tests)

using namespace lift;
using namespace lift::test;
using dual_d = dual_of<tensor_d>;
using variable_d = variable_of<tensor_d>;

namespace {

const tensor_d x({2, 3}, std::vector<double>{0.1, -0.4, 0.7, 1.2, -0.9, 0.3});
const tensor_d w({3, 3}, std::vector<double>{0.5, -0.2, 0.3, 0.8, 0.1, -0.6, -0.3, 0.4, 0.9});
const tensor_d b(shape{3}, std::vector<double>{0.1, 0.2, -0.1});

// A small network, written once for every kind of value.
template <class X, class W, class Bias>
auto network(const X& in, const W& weight, const Bias& bias) {
  const auto h = apply(op::silu{}, apply(op::linear{}, in, weight, bias));
  return apply(op::add{}, apply(op::linear{}, h, weight, bias), h);
}

double inner(const tensor_d& a, const tensor_d& c) {
  const auto u = a.to_host(), v = c.to_host();
  double total = 0;
  for (std::size_t i = 0; i < u.size(); ++i) total += u[i] * v[i];
  return total;
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_text_four_meanings) {
  const auto y = network(x, w, b);
  static_assert(std::is_same_v<decltype(y), const tensor_d>);
  BOOST_CHECK_EQUAL(network(x.shape(), w.shape(), b.shape()), y.shape());

  const tensor_d v({2, 3}, std::vector<double>{1, 0, -1, 0.5, 2, 0.25});
  const auto d = network(dual_d{x, v}, w, b);
  BOOST_CHECK(d.primal.to_host() == y.to_host());

  tape_of<tensor_d> tape;
  const auto vx = tape.watch(x), vw = tape.watch(w), vb = tape.watch(b);
  const auto out = network(vx, vw, vb);
  static_assert(std::is_same_v<decltype(out), const variable_d>);
  BOOST_CHECK(out.value.to_host() == y.to_host());

  const tensor_d seed({2, 3}, std::vector<double>{0.3, -1, 2, 0.7, 0.1, -0.4});
  tape.backward(out, seed);
  // ⟨seed, J v⟩ = ⟨Jᵀ seed, v⟩: forward and reverse mode agree.
  BOOST_CHECK_SMALL(inner(seed, d.tangent) - inner(tape.gradient(vx), v), 1e-13);

  // The gradient of a weight that is used twice, by central differences.
  const auto gw = tape.gradient(vw).to_host();
  for (std::size_t i = 0; i < gw.size(); ++i) {
    const double h = 1e-6;
    auto up = w.to_host(), down = w.to_host();
    up[i] += h;
    down[i] -= h;
    const double slope = (inner(seed, network(x, tensor_d({3, 3}, up), b)) -
                          inner(seed, network(x, tensor_d({3, 3}, down), b))) /
                         (2 * h);
    BOOST_CHECK_SMALL(gw[i] - slope, 1e-8);
  }
}

BOOST_AUTO_TEST_CASE(stacked_tangents_share_one_primal_pass) {
  std::vector<tensor_d> directions, single;
  for (int k = 0; k < 4; ++k) {
    std::vector<double> v(6);
    for (std::size_t i = 0; i < 6; ++i) v[i] = std::sin(double(k) + 3.0 * double(i));
    directions.emplace_back(shape{2, 3}, v);
    single.push_back(network(dual_d{x, directions.back()}, w, b).tangent);
  }
  const auto all = network(dual_d{x, stacked<xtensor_backend, double>(directions)}, w, b);
  BOOST_CHECK_EQUAL(all.primal.shape(), (shape{2, 3}));
  BOOST_CHECK_EQUAL(all.tangent.shape(), (shape{8, 3}));
  const tensor_d want = stacked<xtensor_backend, double>(single);
  BOOST_CHECK_LT(relative_l2(all.tangent, want), 1e-15);
}

BOOST_AUTO_TEST_CASE(tensors_among_variables_are_constants) {
  tape_of<tensor_d> tape;
  const auto vx = tape.watch(x), unused = tape.watch(b);
  const auto joined = apply(op::concat{}, vx, x);
  const auto loss = apply(op::mean_squared_error{}, joined, zeros<tensor_d>({2, 6}));
  tape.backward(loss, full<tensor_d>({1}, 1));
  const auto g = tape.gradient(vx).to_host(), h = x.to_host();
  for (std::size_t i = 0; i < g.size(); ++i) BOOST_CHECK_SMALL(g[i] - 2 * h[i] / 12, 1e-15);
  BOOST_CHECK(tape.gradient(unused).empty());
}

BOOST_AUTO_TEST_CASE(gradients_of_several_outputs_add_up) {
  tape_of<tensor_d> tape;
  const auto vx = tape.watch(x);
  const std::array outputs{apply(op::silu{}, vx), vx};
  const std::array seeds{full<tensor_d>({2, 3}, 2), full<tensor_d>({2, 3}, 5)};
  tape.backward(outputs, seeds);
  const auto g = tape.gradient(vx).to_host(), h = x.to_host();
  for (std::size_t i = 0; i < g.size(); ++i)
    BOOST_CHECK_SMALL(g[i] - 2 * op::silu::df(h[i]) - 5, 1e-15);
}

BOOST_AUTO_TEST_CASE(a_gradient_is_told_of_when_it_is_whole) {
  const tensor_d seed({2, 3}, std::vector<double>{0.3, -1, 2, 0.7, 0.1, -0.4});
  tape_of<tensor_d> tape;
  const auto vx = tape.watch(x), vw = tape.watch(w);
  const auto inner_layer = apply(op::silu{}, apply(op::linear{}, vx, vw, b));
  const auto unused = tape.watch(b);
  const auto late = tape.watch(w);  // used after other leaves were
  const auto out = apply(op::linear{}, inner_layer, late, b);
  std::vector<std::size_t> leaves;
  std::vector<std::vector<double>> told;
  const auto gradient_of = [&](std::size_t leaf) {
    for (const auto* each : {&vx, &vw, &unused, &late})
      if (each->index == leaf) return tape.gradient(*each);
    return tensor_d{};
  };
  tape.backward(std::span(&out, 1), std::span(&seed, 1), [&](std::size_t leaf) {
    leaves.push_back(leaf);
    const tensor_d g = gradient_of(leaf);
    told.push_back(g.empty() ? std::vector<double>() : g.to_host());
  });
  BOOST_CHECK((leaves == std::vector{late.index, unused.index, vw.index, vx.index}));
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const tensor_d whole = gradient_of(leaves[i]);
    BOOST_CHECK(whole.empty() ? told[i].empty() : told[i] == whole.to_host());
  }
  BOOST_CHECK(told[1].empty() && !told[3].empty());
}

BOOST_AUTO_TEST_CASE(misfits_name_both_shapes) {
  BOOST_CHECK_EQUAL(message_of([] { apply(op::add{}, x, w); }), "add: got (3, 3), want (2, 3)");
  BOOST_CHECK_EQUAL(message_of([] { apply(op::add{}, x.shape(), w.shape()); }),
                    "add: got (3, 3), want (2, 3)");
  tape_of<tensor_d> tape;
  const auto vx = tape.watch(x);
  BOOST_CHECK_EQUAL(message_of([&] { tape.backward(vx, w); }),
                    "tape: shape of the seed: got (3, 3), want (2, 3)");
  const std::array outputs{vx, vx};
  const std::array seeds{x};
  BOOST_CHECK_EQUAL(message_of([&] { tape.backward(outputs, seeds); }),
                    "tape: number of seeds: got 1, want 2");
}

BOOST_AUTO_TEST_SUITE_END()
