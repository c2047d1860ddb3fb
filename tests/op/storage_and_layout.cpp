// SPDX-License-Identifier: MIT
// Every primitive on bfloat16 storage, on channels last and on both gives what it gives on float32
// with the channels first, but for rounding.
#include <boost/test/unit_test.hpp>

#include <tuple>
#include <vector>

#include <lift/tensor/all_stored_as.hpp>

#include "backends.hpp"
#include "op/primitives.hpp"
#include "op/stored_primitives.hpp"

BOOST_AUTO_TEST_SUITE(storage_and_layout_tests)

using namespace lift;
using namespace lift::test;

namespace {

using float_tensor = std::tuple_element_t<0, backend_tensors<float>>;
using bfloat16_tensor = tensor<float_tensor::backend_type, bfloat16>;

float_tensor numbers(const shape& s, std::uint32_t label) {
  return stored<float_tensor>(s, label, memory_layout::channels_first);
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(primitives_agree, Op, op::primitives) {
  for (const auto& c : cases_of<Op>::list()) BOOST_TEST_CONTEXT(Op::name << " of " << c.inputs[0]) {
      const auto want = results<float_tensor>(c, memory_layout::channels_first);
      check_stored<float_tensor>(c, memory_layout::channels_last, want);
      check_stored<bfloat16_tensor>(c, memory_layout::channels_first, want);
      check_stored<bfloat16_tensor>(c, memory_layout::channels_last, want);
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

// Of sizes that vectors divide and do not, images larger and smaller than what one task takes.
BOOST_AUTO_TEST_CASE(layouts_and_storages_change_together) {
  for (const shape& s : {shape{2, 16, 16, 16}, {3, 17, 13, 15}, {40, 64, 3, 3}, {5, 3, 64, 64},
                         {2, 1, 7, 9}, {2, 9, 1, 1}, {1, 40, 1, 9}, {3, 5, 2}, {1, 200, 40, 40}})
    BOOST_TEST_CONTEXT(s) {
      const auto first = memory_layout::channels_first, last = memory_layout::channels_last;
      const float_tensor x = numbers(s, 1);
      const auto host = x.to_host();
      const std::size_t channels = s[1], pixels = s.product(2, s.rank());
      const auto check = [&](const auto& stored) {
        using T = typename std::decay_t<decltype(stored)>::value_type;
        std::vector<T> memory(s.size());
        float_tensor::backend_type::copy_out(std::span<T>(memory), stored.data());
        const auto strides = strides_of(stored.layout(), channels, pixels);
        for (std::size_t i = 0; i < s.size(); ++i)
          BOOST_REQUIRE_EQUAL(
              static_cast<float>(memory[strides(i / pixels / channels, i / pixels % channels,
                                                i % pixels)]),
              host[i]);
      };
      check(x.in_layout(last));
      check(x.in_layout(last).in_layout(first));
      for (const auto layout : {first, last}) {
        const auto rounded = x.stored_as<bfloat16>(layout);
        check(rounded);
        check(rounded.in_layout(last));
        check(rounded.stored_as<float>(first));
        check(rounded.stored_as<float>(last));
      }
      check(x.stored_as<double>(last));
    }
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

// Runs of images and of elements, one and several of them for a tensor.
BOOST_AUTO_TEST_CASE(many_tensors_are_stored_at_once) {
  const auto first = memory_layout::channels_first, last = memory_layout::channels_last;
  std::vector<float_tensor> all;
  for (const shape& s : {shape{3}, {40000}, {130, 140}, {64, 48, 3, 3}, {200, 100, 3, 3},
                         {2, 300, 9, 9}, {20, 1, 3, 3}, {70, 300, 1, 1}, {5, 7, 2}, {1, 1, 1, 1}})
    all.push_back(numbers(s, static_cast<std::uint32_t>(all.size())));
  const auto stored = all_stored_as<bfloat16>(all, last);
  const auto back = all_stored_as<float>(stored, first);
  BOOST_REQUIRE_EQUAL(stored.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) BOOST_TEST_CONTEXT(all[i].shape()) {
      const auto want = all[i].stored_as<bfloat16>(last);
      BOOST_CHECK(stored[i].layout() == want.layout());
      const auto rounded = want.stored_as<float>(first);
      BOOST_TEST(back[i].to_host() == rounded.to_host());
      BOOST_TEST(stored[i].stored_as<float>(first).to_host() == rounded.to_host());
    }
  BOOST_TEST(all_stored_as<bfloat16>(std::vector<float_tensor>(), last).empty());
  const std::vector<float_tensor> none{float_tensor(), float_tensor(shape{4, 0, 3, 3}), all[0]};
  const auto kept = all_stored_as<bfloat16>(none, last);
  BOOST_CHECK(kept[0].empty() && kept[1].size() == 0 && kept[2].size() == 3);
}

BOOST_AUTO_TEST_SUITE_END()
