// SPDX-License-Identifier: MIT
// Networks of images whose height is not their width: every part of one treats both axes alike, so
// the network with all kernels transposed gives the transposed results of transposed images.
#include <boost/test/unit_test.hpp>

#include <lift/op/mean_squared_error.hpp>

#include "hashed.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(unequal_sides_tests)

using namespace lift;
using namespace lift::test;

namespace {

using all_tensors = std::tuple<tensor_f, plain_f, tensor_d>;
template <class Tensor>
constexpr double tolerance = std::is_same_v<Tensor, tensor_d> ? 1e-10
                                                              : fast_or_plain<Tensor>(1e-4, 2e-5);

/// Images or kernels with their last two axes exchanged; anything else as it is.
template <class Tensor>
Tensor transposed(const Tensor& x) {
  const shape& s = x.shape();
  if (s.rank() != 4) return x;
  const auto from = x.to_host();
  auto to = from;
  const std::size_t rows = s[2], columns = s[3];
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::size_t row = i / columns % rows, column = i % columns;
    to[i - i % (rows * columns) + column * rows + row] = from[i];
  }
  return Tensor({s[0], s[1], columns, rows}, to);
}

template <class Tensor>
Tensor image(const shape& s, const char* label) {
  return Tensor(s, hashed_parameter<typename Tensor::value_type>("", label, s));
}

template <class Tensor>
parameters<Tensor> transposed(const parameters<Tensor>& p) {
  auto entries = p.entries();
  for (auto& entry : entries) entry.value = transposed(entry.value);
  return parameters<Tensor>(std::move(entries));
}

/// The gradients of the squared distance of a network's fine output from zero.
template <class Tensor, class Architecture, class Images, class Times>
std::vector<Tensor> gradients(const Architecture& architecture, const parameters<Tensor>& weights,
                              const Images& x, const Times& t) {
  tape_of<Tensor> tape;
  taped_parameters leaves(weights, tape);
  const auto y = architecture(scope(leaves), x, t).fine();
  tape.backward(apply(op::mean_squared_error{}, y, zeros<Tensor>(shape_of(y))),
                full<Tensor>({1}, 1));
  return leaves.gradients();
}

template <class Tensor, class Architecture, std::size_t N>
void check(const Architecture& architecture, const scales<Tensor, N>& x,
           const scales<timesteps, N>& t) {
  const auto net = hashed_network<Tensor>(architecture, "sides.");
  const network<Architecture, Tensor> turned(architecture, transposed(net.weights));
  const auto turned_x = make_scales<N>([&](std::size_t i) { return transposed(x[i]); });
  const auto y = net(x, t), turned_y = turned(turned_x, t);
  for (std::size_t i = 0; i < N; ++i) {
    BOOST_CHECK_EQUAL(y[i].shape(), x[i].shape());
    BOOST_CHECK_LT(relative_l2(transposed(turned_y[i]), y[i]), tolerance<Tensor>);
  }
  const auto g = gradients(architecture, net.weights, x, t);
  const auto turned_g = gradients(architecture, turned.weights, turned_x, t);
  for (std::size_t i = 0; i < g.size(); ++i)
    BOOST_TEST_CONTEXT(net.weights.entries()[i].name)
  BOOST_CHECK_LT(relative_l2(transposed(turned_g[i]), g[i]), 10 * tolerance<Tensor>);
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(one_scale, Tensor, all_tensors) {
  check(baseline_unet{{{32, 64}}}, scales{image<Tensor>({2, 3, 16, 36}, "x")},
        scales{timesteps{900, 20}});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_scales, Tensor, all_tensors) {
  check(lift_unet{{{16, 32}}},
        scales{image<Tensor>({2, 3, 40, 8}, "fine"), image<Tensor>({2, 3, 20, 4}, "coarse")},
        scales{timesteps{900, 20}, timesteps{300, 400}});
}

BOOST_AUTO_TEST_SUITE_END()
