// SPDX-License-Identifier: MIT
// Every primitive on bfloat16 storage, on channels last and on both gives what it gives on float32
// with the channels first, but for rounding.
#include <boost/test/unit_test.hpp>

#include <tuple>
#include <utility>
#include <vector>

#include "backends.hpp"
#include "op/check_op.hpp"
#include "op/primitives.hpp"
#include "relative_l2.hpp"

BOOST_AUTO_TEST_SUITE(storage_and_layout_tests)

using namespace lift;
using namespace lift::test;

namespace {

using float_tensor = std::tuple_element_t<0, backend_tensors<float>>;
using bfloat16_tensor = tensor<float_tensor::backend_type, bfloat16>;

/// A rounded number is off by 2⁻⁸ of itself at most; sums of rounded ones that cancel, by more.
template <class Tensor>
constexpr double tolerance = std::is_same_v<Tensor, float_tensor> ? 1e-5 : 0x1p-7;

std::vector<float> floats(const float_tensor& x) { return x.to_host(); }
std::vector<float> floats(const bfloat16_tensor& x) {
  const auto stored = x.to_host();
  return {stored.begin(), stored.end()};
}

/// Numbers that bfloat16 has.
float_tensor numbers(const shape& s, std::uint32_t label) {
  return random_tensor<float_tensor>(s, label).stored_as<bfloat16>().stored_as<float>();
}

template <class Tensor>
Tensor stored(const float_tensor& x, memory_layout layout) {
  return x.stored_as<typename Tensor::value_type>().in_layout(layout);
}

/// The forward map, the JVP of two stacked tangents or of one, and the VJP.
template <class Tensor, class Op>
std::vector<Tensor> results(const Op& op, const std::vector<shape>& shapes, std::size_t stacked,
                            memory_layout layout) {
  constexpr std::size_t n = Op::inputs;
  std::array<Tensor, n> x;
  op::tangents<Tensor, n> d;
  op::selection<n> all;
  all.fill(true);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = stored<Tensor>(numbers(shapes[i], std::uint32_t(i)), layout);
    shape tangent = shapes[i];
    if (i < stacked) tangent[0] *= 2;
    if (i < std::max<std::size_t>(stacked, 1))
      d[i] = stored<Tensor>(numbers(tangent, std::uint32_t(10 + i)), layout);
  }
  const auto y = std::apply([&](const auto&... in) { return op.forward(in...); }, x);
  const auto w = stored<Tensor>(numbers(y.value.shape(), 20), layout);
  std::vector<Tensor> out{y.value, op.jvp(y.saved, d)};
  for (const Tensor& g : op.vjp(y.saved, w, all)) out.push_back(g);
  return out;
}

template <class Tensor, class Op>
void check(const op_case<Op>& c, memory_layout layout) {
  constexpr std::size_t stacked = cases_of<Op>::stacked;
  const auto want =
      results<float_tensor>(c.op, c.inputs, stacked, memory_layout::channels_first);
  const auto got = results<Tensor>(c.op, c.inputs, stacked, layout);
  for (std::size_t i = 0; i < want.size(); ++i)
    BOOST_TEST_CONTEXT("result " << i) {
      BOOST_REQUIRE_EQUAL(got[i].shape(), want[i].shape());
      const bool of_an_image = i < 3 && got[i].shape().rank() >= 3;
      if (of_an_image) BOOST_CHECK(got[i].layout() == layout);
      const auto a = floats(got[i]), b = floats(want[i]);
      if (a != b) BOOST_CHECK_LE(relative_l2(a, b), tolerance<Tensor>);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(primitives_agree, Op, op::primitives) {
  for (const auto& c : cases_of<Op>::list())
    BOOST_TEST_CONTEXT(Op::name << " of " << c.inputs[0]) {
      check<float_tensor>(c, memory_layout::channels_last);
      check<bfloat16_tensor>(c, memory_layout::channels_first);
      check<bfloat16_tensor>(c, memory_layout::channels_last);
    }
}

BOOST_AUTO_TEST_CASE(the_host_sees_rows_whatever_the_layout) {
  const shape s{2, 3, 4, 5};
  const float_tensor first = numbers(s, 1);
  const float_tensor last = first.in_layout(memory_layout::channels_last);
  BOOST_CHECK(last.layout() == memory_layout::channels_last);
  BOOST_TEST(last.to_host() == first.to_host());
  // In memory the channels of a pixel are neighbours.
  std::vector<float> memory(s.size());
  float_tensor::backend_type::copy_out(std::span<float>(memory), last.data());
  const auto host = first.to_host();
  for (std::size_t b = 0; b < 2; ++b)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t p = 0; p < 20; ++p)
        BOOST_REQUIRE_EQUAL(memory[(b * 20 + p) * 3 + c], host[(b * 3 + c) * 20 + p]);
  BOOST_TEST(last.reshaped({6, 20}).to_host() == first.to_host());
  BOOST_TEST(last.rows(1, 2).to_host() == first.rows(1, 2).to_host());
  BOOST_TEST(last.clone().to_host() == first.to_host());
  BOOST_TEST(sum_of(last, first).to_host() == scaled(first, 2).to_host());
  const float_tensor both[] = {first, last};
  BOOST_TEST(stacked(std::span<const float_tensor>(both)).rows(2, 4).to_host() == first.to_host());
  const float_tensor flat(shape{4, 5}, memory_layout::channels_last);
  BOOST_CHECK(flat.layout() == memory_layout::channels_first);
}

BOOST_AUTO_TEST_CASE(sums_of_bfloat16_are_those_of_float) {
  // 512 is the last whole number from which bfloat16 still counts by 2, 1000 ones are 1000.
  const auto ones = full<bfloat16_tensor>({10, 100}, 1);
  BOOST_TEST(squared_norm(ones) == 1000.f);
  bfloat16_tensor total(shape{1});
  bfloat16_tensor::backend_type::reduce(sum{}, 1, 1, ones.size(), total.mutable_data(),
                                        kernel::identity{}, each(ones));
  BOOST_TEST(floats(total)[0] == 1000.f);
  BOOST_TEST(floats(scaled(ones, 1.0 + 0x1p-7))[0] == 1.f + 0x1p-7f);
}

BOOST_AUTO_TEST_SUITE_END()
