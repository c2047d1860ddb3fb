// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <lift/ad/apply.hpp>
#include <lift/tensor/noise.hpp>

namespace lift::test {

template <class Tensor>
Tensor random_tensor(const shape& s, std::uint32_t label) {
  return normal_noise<Tensor>(shape{1, s.size()}, {.seed = 7, .step = label}, 0).reshaped(s);
}

template <class Tensor>
double inner(const Tensor& a, const Tensor& b) {
  BOOST_REQUIRE_EQUAL(a.shape(), b.shape());
  const auto x = a.to_host(), y = b.to_host();
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) total += double(x[i]) * double(y[i]);
  return total;
}

/// max |a − b| / (1 + max |b|).
template <class Tensor>
double difference(const Tensor& a, const Tensor& b) {
  BOOST_REQUIRE_EQUAL(a.shape(), b.shape());
  const auto x = a.to_host(), y = b.to_host();
  double worst = 0, scale = 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(double(x[i]) - double(y[i])));
    scale = std::max(scale, std::abs(double(y[i])));
  }
  return worst / scale;
}

/// Checks the three rules of a primitive against each other in double precision: the JVP against
/// central differences, the VJP by ⟨w, Jv⟩ = ⟨Jᵀw, v⟩ for all inputs together and for each alone,
/// and the JVP of stacked tangents against one at a time for the first `stacked` inputs.
template <class Tensor, class Op>
void check_op(const Op& op, const std::vector<shape>& shapes, std::size_t stacked) {
  constexpr std::size_t n = Op::inputs;
  static_assert(op::primitive<Op, Tensor>);
  BOOST_REQUIRE_EQUAL(shapes.size(), n);
  std::array<Tensor, n> x;
  op::tangents<Tensor, n> v;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = random_tensor<Tensor>(shapes[i], std::uint32_t(2 * i));
    v[i] = random_tensor<Tensor>(shapes[i], std::uint32_t(2 * i + 1));
  }
  const auto forward = [&](const auto& inputs) {
    return std::apply([&](const auto&... in) { return op.forward(in...); }, inputs);
  };
  const auto primal = forward(x);
  const shape want =
      std::apply([&](const auto&... in) { return op.output_shape(in.shape()...); }, x);
  BOOST_CHECK_EQUAL(primal.value.shape(), want);

  const Tensor w = random_tensor<Tensor>(want, 100);
  op::selection<n> all;
  all.fill(true);
  const auto gradient = op.vjp(primal.saved, w, all);

  // Bit i of `mask`: input i moves.
  for (std::size_t mask = 1; mask < (std::size_t{1} << n); ++mask) {
    op::tangents<Tensor, n> direction;
    op::selection<n> wanted{};
    std::array<Tensor, n> ahead = x, behind = x;
    const double h = 1e-5;
    double gv = 0, scale = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (!(mask >> i & 1)) continue;
      direction[i] = v[i];
      wanted[i] = true;
      ahead[i] = axpby(1.0, x[i], h, v[i]);
      behind[i] = axpby(1.0, x[i], -h, v[i]);
      gv += inner(gradient[i], v[i]);
      scale += std::sqrt(inner(gradient[i], gradient[i]) * inner(v[i], v[i]));
    }
    const Tensor jv = op.jvp(primal.saved, direction);
    const Tensor central =
        axpby(0.5 / h, forward(ahead).value, -0.5 / h, forward(behind).value);
    BOOST_CHECK_LT(difference(jv, central), 1e-7);
    BOOST_CHECK_LT(std::abs(inner(w, jv) - gv), 1e-12 * (1 + scale));
    const auto part = op.vjp(primal.saved, w, wanted);
    for (std::size_t i = 0; i < n; ++i)
      if (wanted[i]) BOOST_CHECK_LT(difference(part[i], gradient[i]), 1e-14);
  }

  // K = 3 stacked tangents of the inputs that take them, all together.
  if (stacked == 0) return;
  op::tangents<Tensor, n> stack;
  std::vector<op::tangents<Tensor, n>> single(3);
  for (std::size_t i = 0; i < stacked; ++i) {
    std::vector<Tensor> parts;
    for (std::uint32_t k = 0; k < 3; ++k)
      parts.push_back(single[k][i] = random_tensor<Tensor>(shapes[i], 200 + 10 * k + std::uint32_t(i)));
    stack[i] = lift::stacked(std::span<const Tensor>(parts));
  }
  std::vector<Tensor> want_parts;
  for (const auto& s : single) want_parts.push_back(op.jvp(primal.saved, s));
  BOOST_CHECK_LT(difference(op.jvp(primal.saved, stack), lift::stacked(std::span<const Tensor>(want_parts))), 1e-12);
}

}  // namespace lift::test
