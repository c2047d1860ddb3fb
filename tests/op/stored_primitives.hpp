// SPDX-License-Identifier: MIT
#pragma once

// A primitive on tensors of any storage and layout, against another's results.

#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "op/check_op.hpp"
#include "relative_l2.hpp"
#include "tensors.hpp"

namespace lift::test {

template <class Tensor>
std::vector<float> floats(const Tensor& x) {
  const auto stored = x.to_host();
  return {stored.begin(), stored.end()};
}

/// Numbers that bfloat16 has.
template <class Tensor>
Tensor stored(const shape& s, std::uint32_t label, memory_layout layout) {
  using T = typename Tensor::value_type;
  std::vector<T> host;
  for (const float x : random_tensor<plain_f>(s, label).to_host())
    host.push_back(static_cast<T>(static_cast<float>(bfloat16(x))));
  return Tensor(s, host).in_layout(layout);
}

/// The value, the forward map, the JVP of two stacked tangents or of one, and the VJP.
template <class Tensor, class Op>
std::vector<Tensor> results(const op_case<Op>& c, memory_layout layout) {
  constexpr std::size_t n = Op::inputs, stacks = cases_of<Op>::stacked;
  std::array<Tensor, n> x;
  op::tangents<Tensor, n> d;
  op::selection<n> all;
  all.fill(true);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = stored<Tensor>(c.inputs[i], std::uint32_t(i), layout);
    shape tangent = c.inputs[i];
    if (i < stacks) tangent[0] *= 2;
    if (i < std::max<std::size_t>(stacks, 1))
      d[i] = stored<Tensor>(tangent, std::uint32_t(10 + i), layout);
  }
  const auto value = std::apply([&](const auto&... in) { return apply(c.op, in...); }, x);
  const auto y = std::apply([&](const auto&... in) { return c.op.forward(in...); }, x);
  const auto w = stored<Tensor>(y.value.shape(), 20, layout);
  std::vector<Tensor> out{value, y.value, c.op.jvp(y.saved, d)};
  for (const Tensor& g : c.op.vjp(y.saved, w, all)) out.push_back(g);
  return out;
}

/// Whether a primitive gives, but for rounding, what it gives elsewhere.
template <class Tensor, class Op, class Want>
void check_stored(const op_case<Op>& c, memory_layout layout, const std::vector<Want>& want) {
  // A rounded number is off by 2⁻⁸ of itself at most; sums of rounded ones that cancel, by more.
  constexpr double tolerance = std::is_same_v<typename Tensor::value_type, float> ? 1e-5 : 0x1p-7;
  const auto got = results<Tensor>(c, layout);
  for (std::size_t i = 0; i < want.size(); ++i) BOOST_TEST_CONTEXT("result " << i) {
      BOOST_REQUIRE_EQUAL(got[i].shape(), want[i].shape());
      const bool of_an_image = i < 4 && got[i].shape().rank() >= 3;
      if (of_an_image) BOOST_CHECK(got[i].layout() == layout);
      const auto a = floats(got[i]), b = floats(want[i]);
      if (a != b) BOOST_CHECK_LE(relative_l2(a, b), tolerance);
    }
}

}  // namespace lift::test
