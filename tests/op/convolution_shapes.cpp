// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <lift/op/conv2d.hpp>
#include <lift/op/conv2d_add.hpp>
#include <lift/op/conv_transpose2d.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(convolution_shapes_tests)

using namespace lift;
using lift::test::message_of;

BOOST_AUTO_TEST_CASE(one_number_is_both_axes) {
  BOOST_CHECK_EQUAL(extent2d(3), extent2d(3, 3));
  BOOST_CHECK(extent2d(1, 7) != extent2d(7, 1));
  BOOST_CHECK_EQUAL(to_text(extent2d(1, 7)), "1x7");
  BOOST_CHECK_EQUAL(extent2d(4, 3).area(), 12u);
}

BOOST_AUTO_TEST_CASE(each_axis_has_its_own_size) {
  BOOST_CHECK_EQUAL(op::conv2d(1, {0, 3}).output_shape({2, 3, 16, 24}, {5, 3, 1, 7}, {5}),
                    shape({2, 5, 16, 24}));
  BOOST_CHECK_EQUAL(op::conv2d({2, 3}, {1, 0}).output_shape({2, 3, 16, 24}, {5, 3, 4, 3}, {5}),
                    shape({2, 5, 8, 8}));
  BOOST_CHECK_EQUAL(
      op::conv_transpose2d({2, 3}, {1, 0}).output_shape({2, 5, 8, 8}, {5, 3, 4, 3}, {3}),
      shape({2, 3, 16, 24}));
  BOOST_CHECK_EQUAL(op::conv2d_add({1, 2}, {0, 3})
                        .output_shape({2, 3, 16, 24}, {2, 5}, {5, 3, 1, 7}, {5}),
                    shape({2, 5, 16, 12}));
}

BOOST_AUTO_TEST_CASE(misfits_are_one_clear_line) {
  const shape image{1, 2, 8, 4}, bias{3};
  BOOST_CHECK_EQUAL(
      message_of([&] { op::conv2d(1, {0, 1}).output_shape(image, {3, 2, 1, 7}, bias); }),
      "conv2d: shape of the image: got (1, 2, 8, 4), want a padded size of at least 1x7");
  BOOST_CHECK_EQUAL(message_of([&] { op::conv2d().output_shape(image, {3, 5, 1, 7}, bias); }),
                    "conv2d: shape of the weight: got (3, 5, 1, 7), "
                    "want (any, channels of (1, 2, 8, 4), any, any)");
  BOOST_CHECK_EQUAL(
      message_of([&] { op::conv2d(extent2d(2, 0)).output_shape(image, {3, 2, 1, 1}, bias); }),
      "conv2d: stride: got 2x0, want at least 1");
  BOOST_CHECK_EQUAL(
      message_of([&] { op::conv_transpose2d(0).output_shape(image, {2, 3, 2, 2}, bias); }),
      "conv_transpose2d: stride: got 0x0, want at least 1");
  BOOST_CHECK_EQUAL(
      message_of([&] { op::conv_transpose2d(1, {0, 4}).output_shape(image, {2, 3, 2, 2}, bias); }),
      "conv_transpose2d: shape of the image: got (1, 2, 8, 4), "
      "want a size that the padding does not use up");
}

BOOST_AUTO_TEST_SUITE_END()
