// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <vector>

#include <lift/core/image_size.hpp>
#include <lift/core/shape.hpp>

BOOST_AUTO_TEST_SUITE(shape_tests)

using lift::shape;

BOOST_AUTO_TEST_CASE(extents_and_sizes) {
  const shape s{2, 3, 5, 7};
  BOOST_TEST(s.rank() == 4U);
  BOOST_TEST(s[1] == 3U);
  BOOST_TEST(s.size() == 210U);
  BOOST_TEST(s.product(1, 3) == 15U);
  BOOST_TEST(s.product(2, 2) == 1U);
  BOOST_TEST(std::vector<std::size_t>(s.begin(), s.end()) == (std::vector<std::size_t>{2, 3, 5, 7}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_scalar_has_one_element_and_a_zero_extent_none) {
  BOOST_TEST(shape().size() == 1U);
  BOOST_TEST(shape().rank() == 0U);
  BOOST_TEST((shape{4, 0, 2}).size() == 0U);
}

BOOST_AUTO_TEST_CASE(equality_compares_rank_and_extents) {
  shape s{2, 3};
  BOOST_TEST((s == shape{2, 3}));
  BOOST_TEST((s != shape{3, 2}));
  BOOST_TEST((s != shape{2, 3, 1}));
  BOOST_TEST((s != shape{2}));
  s[1] = 4;
  BOOST_TEST((s == shape{2, 4}));
}

BOOST_AUTO_TEST_CASE(prints_like_a_tuple) {
  BOOST_TEST(lift::text(shape{2, 3, 16, 16}) == "(2, 3, 16, 16)");
  BOOST_TEST(lift::text(shape{7}) == "(7)");
  BOOST_TEST(lift::text(shape()) == "()");
}

BOOST_AUTO_TEST_CASE(holds_eight_axes_and_no_more) {
  const std::vector<std::size_t> eight(8, 2), nine(9, 1);
  BOOST_TEST(shape(eight).size() == 256U);
  BOOST_CHECK_THROW(shape{nine}, lift::error);
}

BOOST_AUTO_TEST_CASE(sides_are_read_as_they_are_written) {
  using lift::image_size;
  BOOST_TEST(lift::text(image_size(64)) == "64");
  BOOST_TEST(lift::text(image_size(64, 48)) == "64x48");
  for (const image_size size : {image_size(7), image_size(64, 48), image_size(0, 3)})
    BOOST_TEST((lift::read_image_size(lift::text(size)) == size));
  BOOST_TEST((lift::read_image_size("8x8") == image_size(8)));
  for (const char* bad : {"", "x", "8x", "x8", "8x8x8", "8X8", "8 x 8", "+8", "-8", "8.0", "0x1f", "8x99999999999999999999"})
    BOOST_TEST(!lift::read_image_size(bad), bad);
  BOOST_TEST((lift::size_of_images(shape{2, 3, 48, 64}) == image_size(64, 48)));
}

BOOST_AUTO_TEST_SUITE_END()
