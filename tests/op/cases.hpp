// SPDX-License-Identifier: MIT
#pragma once

// What every primitive is tested on. A primitive without an entry here does not compile into the
// test, so none is forgotten: tests/op/primitives.inc is made from the headers of include/lift/op.

#include <utility>
#include <vector>

#include <lift/op/add.hpp>
#include <lift/op/attention.hpp>
#include <lift/op/average_pool2d.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/conv2d.hpp>
#include <lift/op/conv2d_add.hpp>
#include <lift/op/conv2d_group_norm_silu.hpp>
#include <lift/op/conv2d_relu.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/conv_transpose2d_concat.hpp>
#include <lift/op/downsample.hpp>
#include <lift/op/group_norm.hpp>
#include <lift/op/group_norm_silu.hpp>
#include <lift/op/haar.hpp>
#include <lift/op/inverse_haar.hpp>
#include <lift/op/linear.hpp>
#include <lift/op/max_pool2d.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/op/relu.hpp>
#include <lift/op/scale_rows.hpp>
#include <lift/op/silu.hpp>
#include <lift/op/slice.hpp>
#include <lift/op/softmax.hpp>
#include <lift/op/upsample.hpp>
#include <lift/op/weighted_sum.hpp>

namespace lift::test {

template <class Op>
struct op_case {
  Op op;
  std::vector<shape> inputs;
};
template <class Op>
using op_cases = std::vector<op_case<Op>>;

/// list(): at least five cases, odd sizes and sizes of one among them; stacked: how many of the
/// leading inputs take K stacked tangents.
template <class Op>
struct cases_of;

template <>
struct cases_of<op::silu> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::silu> list() {
    return {{{}, {{1}}}, {{}, {{7}}}, {{}, {{2, 3}}}, {{}, {{1, 1, 1, 1}}}, {{}, {{3, 5, 7, 9}}}};
  }
};

template <>
struct cases_of<op::relu> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::relu> list() {
    return {{{}, {{1}}}, {{}, {{7}}}, {{}, {{2, 3}}}, {{}, {{1, 1, 1, 1}}}, {{}, {{3, 5, 7, 9}}}};
  }
};

template <>
struct cases_of<op::add> {
  static constexpr std::size_t stacked = 2;
  static op_cases<op::add> list() {
    return {{{}, {{1}, {1}}},
            {{}, {{7}, {7}}},
            {{}, {{2, 3}, {2, 3}}},
            {{}, {{1, 1, 1, 1}, {1, 1, 1, 1}}},
            {{}, {{3, 5, 7, 9}, {3, 5, 7, 9}}}};
  }
};

template <>
struct cases_of<op::linear> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::linear> list() {
    return {{{}, {{1, 1}, {1, 1}, {1}}},
            {{}, {{2, 3}, {5, 3}, {5}}},
            {{}, {{7, 1}, {4, 1}, {4}}},
            {{}, {{4, 32}, {1, 32}, {1}}},
            {{}, {{33, 17}, {19, 17}, {19}}}};
  }
};

template <>
struct cases_of<op::conv2d> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::conv2d> list() {
    return {{op::conv2d(1, 1), {{2, 3, 8, 8}, {4, 3, 3, 3}, {4}}},
            {op::conv2d(1, 0), {{3, 4, 5, 7}, {6, 4, 1, 1}, {6}}},
            {op::conv2d(2, 1), {{2, 3, 8, 6}, {5, 3, 4, 4}, {5}}},
            {op::conv2d(1, 1), {{1, 1, 1, 1}, {1, 1, 3, 3}, {1}}},
            {op::conv2d(2, 1), {{5, 2, 7, 5}, {3, 2, 3, 3}, {3}}},
            {op::conv2d(1, 2), {{1, 2, 5, 3}, {3, 2, 5, 5}, {3}}},
            {op::conv2d(3, 0), {{2, 1, 9, 10}, {2, 1, 2, 2}, {2}}},
            {op::conv2d(1, 1), {{2, 9, 40, 37}, {3, 9, 3, 3}, {3}}},
            {op::conv2d(1, {0, 3}), {{2, 3, 5, 9}, {4, 3, 1, 7}, {4}}},
            {op::conv2d(1, {3, 0}), {{2, 3, 9, 4}, {4, 3, 7, 1}, {4}}},
            {op::conv2d(1, {0, 1}), {{2, 4, 9, 18}, {5, 4, 3, 3}, {5}}},
            {op::conv2d({2, 1}, {1, 2}), {{3, 2, 7, 10}, {3, 2, 4, 3}, {3}}},
            {op::conv2d({1, 3}, {2, 0}), {{1, 4, 6, 11}, {5, 4, 3, 5}, {5}}}};
  }
};

template <>
struct cases_of<op::conv2d_add> {
  static constexpr std::size_t stacked = 2;
  static op_cases<op::conv2d_add> list() {
    return {{op::conv2d_add(), {{1, 1, 1, 1}, {1, 1}, {1, 1, 1, 1}, {1}}},
            {op::conv2d_add(1, 1), {{2, 3, 5, 7}, {2, 4, 5, 7}, {4, 3, 3, 3}, {4}}},
            {op::conv2d_add(1, 1), {{2, 3, 5, 7}, {2, 4}, {4, 3, 3, 3}, {4}}},
            {op::conv2d_add(), {{3, 5, 6, 4}, {3, 2, 6, 4}, {2, 5, 1, 1}, {2}}},
            {op::conv2d_add(), {{3, 5, 6, 4}, {3, 2}, {2, 5, 1, 1}, {2}}},
            {op::conv2d_add(2, 1), {{2, 2, 6, 8}, {2, 3, 3, 4}, {3, 2, 4, 4}, {3}}},
            {op::conv2d_add(2, 1), {{2, 2, 6, 8}, {2, 3}, {3, 2, 4, 4}, {3}}},
            {op::conv2d_add({1, 2}, {0, 3}), {{2, 3, 5, 8}, {2, 4, 5, 4}, {4, 3, 1, 7}, {4}}}};
  }
};

template <>
struct cases_of<op::conv2d_group_norm_silu> {
  static constexpr std::size_t stacked = 2;
  static op_cases<op::conv2d_group_norm_silu> list() {
    using op::conv2d_group_norm_silu;
    // Two or more channels a group: of one the gradients of r and of the bias would be 0.
    return {{conv2d_group_norm_silu(), {{2, 5, 3, 5}, {2, 16}, {16, 5, 1, 1}, {16}, {16}, {16}}},
            {conv2d_group_norm_silu(1, 1), {{2, 3, 5, 7}, {2, 24}, {24, 3, 3, 3}, {24}, {24}, {24}}},
            {conv2d_group_norm_silu(1, 1), {{1, 5, 4, 3}, {1, 40}, {40, 5, 3, 3}, {40}, {40}, {40}}},
            {conv2d_group_norm_silu(2, 1), {{3, 2, 6, 8}, {3, 16}, {16, 2, 4, 4}, {16}, {16}, {16}}},
            {conv2d_group_norm_silu(1, {0, 3}), {{1, 8, 1, 9}, {1, 32}, {32, 8, 1, 7}, {32}, {32}, {32}}}};
  }
};

template <>
struct cases_of<op::conv2d_relu> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::conv2d_relu> list() {
    return {{op::conv2d_relu(), {{1, 1, 1, 1}, {1, 1, 1, 1}, {1}}},
            {op::conv2d_relu(1, 1), {{2, 3, 5, 7}, {4, 3, 3, 3}, {4}}},
            {op::conv2d_relu(), {{3, 5, 6, 4}, {2, 5, 1, 1}, {2}}},
            {op::conv2d_relu(2, 1), {{2, 2, 6, 8}, {3, 2, 4, 4}, {3}}},
            {op::conv2d_relu({1, 2}, {0, 3}), {{2, 3, 5, 8}, {4, 3, 1, 7}, {4}}}};
  }
};

template <>
struct cases_of<op::conv_transpose2d> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::conv_transpose2d> list() {
    return {{op::conv_transpose2d(2, 1), {{2, 3, 4, 4}, {3, 5, 4, 4}, {5}}},
            {op::conv_transpose2d(1, 0), {{1, 1, 1, 1}, {1, 1, 1, 1}, {1}}},
            {op::conv_transpose2d(2, 1), {{3, 4, 1, 1}, {4, 2, 4, 4}, {2}}},
            {op::conv_transpose2d(1, 1), {{2, 2, 5, 7}, {2, 3, 3, 3}, {3}}},
            {op::conv_transpose2d(3, 0), {{1, 2, 3, 2}, {2, 1, 2, 2}, {1}}},
            {op::conv_transpose2d(2, 1), {{2, 7, 20, 19}, {7, 3, 4, 4}, {3}}},
            {op::conv_transpose2d({1, 2}, {0, 1}), {{2, 3, 4, 5}, {3, 5, 1, 4}, {5}}},
            {op::conv_transpose2d({3, 1}, {1, 2}), {{2, 4, 3, 6}, {4, 2, 4, 5}, {2}}}};
  }
};

template <>
struct cases_of<op::conv_transpose2d_concat> {
  static constexpr std::size_t stacked = 2;
  static op_cases<op::conv_transpose2d_concat> list() {
    using op::conv_transpose2d_concat;
    return {{conv_transpose2d_concat(2, 1), {{2, 3, 4, 4}, {2, 4, 8, 8}, {3, 5, 4, 4}, {5}}},
            {conv_transpose2d_concat(), {{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, {1}}},
            {conv_transpose2d_concat(2, 1), {{3, 4, 1, 1}, {3, 8, 2, 2}, {4, 8, 4, 4}, {8}}},
            {conv_transpose2d_concat(1, 1), {{2, 2, 5, 7}, {2, 1, 5, 7}, {2, 3, 3, 3}, {3}}},
            {conv_transpose2d_concat({1, 2}, {0, 1}),
             {{2, 3, 4, 5}, {2, 2, 4, 10}, {3, 5, 1, 4}, {5}}}};
  }
};

template <class Activation>
struct cases_of<op::activated_group_norm<Activation>> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::activated_group_norm<Activation>> list() {
    return {{{8, 1e-5}, {{2, 16, 4, 4}, {16}, {16}}},
            {{1, 1e-5}, {{1, 3, 1, 1}, {3}, {3}}},
            {{4, 1e-3}, {{3, 4, 5, 7}, {4}, {4}}},
            {{2, 1e-5}, {{1, 6, 3, 1}, {6}, {6}}},
            {{3, 1e-5}, {{5, 9}, {9}, {9}}},
            {{1, 1e-5}, {{2, 2, 33, 31}, {2}, {2}}}};
  }
};

template <>
struct cases_of<op::attention> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::attention> list() {
    return {{op::attention(4), {{2, 24, 4, 4}}},
            {op::attention(1), {{1, 3, 1, 1}}},
            {op::attention(2), {{3, 18, 3, 5}}},
            {op::attention(3), {{1, 9, 7, 1}}},
            {op::attention(4), {{5, 12, 2, 3}}}};
  }
};

template <>
struct cases_of<op::softmax> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::softmax> list() {
    return {{{}, {{1, 1}}}, {{}, {{1, 7}}}, {{}, {{3, 2}}}, {{}, {{5, 1}}}, {{}, {{2, 300}}}};
  }
};

template <>
struct cases_of<op::concat> {
  static constexpr std::size_t stacked = 2;
  static op_cases<op::concat> list() {
    return {{{}, {{1, 1}, {1, 1}}},
            {{}, {{3, 5}, {3, 2}}},
            {{}, {{2, 3, 4, 4}, {2, 5, 4, 4}}},
            {{}, {{1, 1, 1, 1}, {1, 7, 1, 1}}},
            {{}, {{5, 2, 3, 7}, {5, 1, 3, 7}}}};
  }
};

template <>
struct cases_of<op::slice> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::slice> list() {
    return {{{0, 1}, {{1, 1}}},
            {{2, 3}, {{3, 5}}},
            {{3, 3}, {{2, 6, 4, 4}}},
            {{1, 1}, {{4, 3, 1, 1}}},
            {{0, 7}, {{2, 7, 3, 5}}}};
  }
};

template <>
struct cases_of<op::upsample> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::upsample> list() {
    return {{{}, {{1, 1, 1, 1}}},
            {{}, {{2, 3, 4, 4}}},
            {{}, {{1, 2, 3, 5}}},
            {{}, {{3, 1, 1, 7}}},
            {{}, {{2, 2, 2, 1}}}};
  }
};

template <>
struct cases_of<op::haar> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::haar> list() {
    return {{{}, {{1, 1, 2, 2}}},
            {{}, {{2, 3, 8, 8}}},
            {{}, {{1, 2, 6, 10}}},
            {{}, {{3, 1, 2, 14}}},
            {{}, {{5, 3, 4, 2}}}};
  }
};

template <>
struct cases_of<op::inverse_haar> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::inverse_haar> list() {
    return {{{}, {{1, 4, 1, 1}}},
            {{}, {{2, 12, 4, 4}}},
            {{}, {{1, 8, 3, 5}}},
            {{}, {{3, 4, 1, 7}}},
            {{}, {{5, 12, 2, 1}}}};
  }
};

template <>
struct cases_of<op::downsample> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::downsample> list() {
    return {{{}, {{1, 1, 2, 2}}},
            {{}, {{2, 3, 8, 8}}},
            {{}, {{1, 2, 6, 10}}},
            {{}, {{3, 1, 2, 14}}},
            {{}, {{5, 3, 4, 2}}}};
  }
};

/// Windows that overlap, leave gaps, reach beyond the image, and cover all of it.
inline std::vector<std::pair<op::pooling_windows, shape>> pooled_images() {
  return {{{.kernel = 1}, {1, 1, 1, 1}},
          {{.kernel = 2}, {2, 3, 6, 7}},
          {{.kernel = 3, .stride = 1, .padding = 1}, {1, 2, 5, 4}},
          {{.kernel = {3, 2}, .stride = {2, 3}, .padding = {1, 0}}, {3, 1, 8, 11}},
          {{.kernel = 3, .stride = 2, .padding = 1, .ceiling = true}, {2, 2, 7, 10}},
          {{.kernel = {5, 3}, .stride = {4, 2}, .ceiling = true}, {1, 2, 7, 4}},
          {{.kernel = {1, 9}, .stride = {3, 1}, .padding = {0, 4}}, {2, 1, 5, 9}},
          {{.kernel = {6, 5}}, {5, 1, 6, 5}}};
}

template <>
struct cases_of<op::average_pool2d> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::average_pool2d> list() {
    op_cases<op::average_pool2d> result;
    for (const auto& [windows, image] : pooled_images())
      for (const bool count_padding : {true, false})
        result.push_back({op::average_pool2d(windows, count_padding), {image}});
    return result;
  }
};

template <>
struct cases_of<op::max_pool2d> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::max_pool2d> list() {
    op_cases<op::max_pool2d> result;
    for (const auto& [windows, image] : pooled_images())
      result.push_back({op::max_pool2d(windows), {image}});
    return result;
  }
};

template <>
struct cases_of<op::weighted_sum> {
  static constexpr std::size_t stacked = 2;
  static op_cases<op::weighted_sum> list() {
    return {{{{0.3}, {0.7}}, {{1}, {1}}},
            {{{0.3, -2}, {0.7, 5}}, {{2, 3}, {2, 3}}},
            {{{1.5}, {-0.5}}, {{3, 1, 5, 7}, {3, 1, 5, 7}}},
            {{{0, 1, 2}, {3, 0, 1}}, {{3, 2, 1, 1}, {3, 2, 1, 1}}},
            {{{0.1, 0.2, 0.3, 0.4, 0.5}, {1, 2, 3, 4, 5}}, {{5, 7}, {5, 7}}}};
  }
};

template <>
struct cases_of<op::scale_rows> {
  static constexpr std::size_t stacked = 1;
  static op_cases<op::scale_rows> list() {
    return {{{}, {{1}, {1}}},
            {{}, {{7}, {7}}},
            {{}, {{2, 3}, {2}}},
            {{}, {{1, 1, 1, 1}, {1}}},
            {{}, {{3, 5, 7, 9}, {3}}}};
  }
};

template <>
struct cases_of<op::mean_squared_error> {
  static constexpr std::size_t stacked = 0;
  static op_cases<op::mean_squared_error> list() {
    return {{{}, {{1}, {1}}},
            {{}, {{7}, {7}}},
            {{}, {{2, 3}, {2, 3}}},
            {{}, {{1, 1, 1, 1}, {1, 1, 1, 1}}},
            {{}, {{3, 5, 7, 9}, {3, 5, 7, 9}}}};
  }
};

}  // namespace lift::test
