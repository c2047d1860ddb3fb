// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <golden.hpp>
#include <io/hostile.hpp>
#include <lift/io/resize.hpp>

BOOST_AUTO_TEST_SUITE(resize_tests)

BOOST_AUTO_TEST_CASE(resize_and_crop_equals_pillow_byte_for_byte) {
  const golden_file golden("resize.safetensors");
  for (int i = 0; i < 6; ++i) {
    const std::string in = "in." + std::to_string(i), out = "out." + std::to_string(i);
    const auto shape = golden.shape(in);
    const lift::image picture{shape[1], shape[0], shape[2], golden.values<std::uint8_t>(in)};
    BOOST_TEST(lift::resize_and_crop(picture, 64).pixels == golden.values<std::uint8_t>(out));
  }
}

BOOST_AUTO_TEST_CASE(exact_halving_has_the_taps_1_3_3_1) {
  const auto taps = lift::bilinear_taps(8, 4, {0, 4});
  const auto eighth = (1 << 22) / 8;
  BOOST_TEST(taps[1].first == 1u);
  BOOST_TEST(taps[1].weights ==
             (std::vector<std::int32_t>{eighth, 3 * eighth, 3 * eighth, eighth}));
  BOOST_TEST(taps[0].weights.size() == 3u);
}

BOOST_AUTO_TEST_CASE(sizes_follow_torchvision) {
  const lift::image wide = lift::blank_image(77, 50, 3, 9);
  const auto [width, height] = lift::scaled_size(wide, 32);
  BOOST_TEST(width == 49u);  // 49.28, truncated
  BOOST_TEST(height == 32u);
  BOOST_CHECK(lift::resize_and_crop(wide, 32) == lift::blank_image(32, 32, 3, 9));
}

BOOST_AUTO_TEST_CASE(rectangles_are_the_middle_of_the_least_that_covers_them) {
  lift::image picture = lift::blank_image(40, 30, 3, 0);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  const auto check = [&](lift::image_size size, lift::image_size scaled, std::size_t left, std::size_t top) {
    BOOST_TEST(lift::scaled_size(picture, size) == scaled);
    BOOST_CHECK(lift::resize_and_crop(picture, size) ==
                lift::resize(picture, scaled.width, scaled.height, {left, size.width}, {top, size.height}));
  };
  check({32, 16}, {32, 24}, 0, 4);
  check({16, 32}, {42, 32}, 13, 0);  // 42.7, truncated
  check({20, 15}, {20, 15}, 0, 0);
  check({64, 47}, {64, 48}, 0, 0);  // a half offset
  check({16, 16}, {21, 16}, 2, 0);
}

BOOST_AUTO_TEST_CASE(a_part_of_a_resize_is_that_of_the_whole) {
  lift::image picture = lift::blank_image(23, 17, 3, 0);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  for (const auto& [width, height] :
       std::vector<std::pair<std::size_t, std::size_t>>{{31, 9}, {23, 17}, {11, 40}}) {
    const lift::image whole = lift::resize(picture, width, height);
    const lift::image part = lift::resize(picture, width, height, {3, 7}, {2, 5});
    BOOST_TEST(part.width == 7u);
    BOOST_TEST(part.height == 5u);
    for (std::size_t i = 0; i < part.pixels.size(); ++i) {
      const std::size_t x = i / 3 % 7 + 3, y = i / 21 + 2;
      BOOST_REQUIRE(part.pixels[i] == whole.pixels[(y * width + x) * 3 + i % 3]);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_very_long_image_is_no_burden) {
  const lift::image line = lift::blank_image(8192, 1, 3, 7);  // scaled it has 25 GB
  BOOST_CHECK(lift::resize_and_crop(line, 1024) == lift::blank_image(1024, 1024, 3, 7));
}

BOOST_AUTO_TEST_CASE(a_half_crop_offset_goes_to_the_even_one) {
  const auto first = [](std::size_t width) {
    lift::image picture = lift::blank_image(width, 4, 1, 0);
    for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
      picture.pixels[i] = static_cast<std::uint8_t>(i % width);
    }
    return static_cast<int>(lift::resize_and_crop(picture, 4).pixels[0]);
  };
  BOOST_TEST(first(4) == 0);
  BOOST_TEST(first(5) == 0);  // 0.5
  BOOST_TEST(first(7) == 2);  // 1.5
  BOOST_TEST(first(9) == 2);  // 2.5
}

BOOST_AUTO_TEST_CASE(empty_and_too_small_images_are_refused) {
  check_error([] { lift::resize({}, 4, 4); }, "pixels of a resize");
  check_error([] { lift::resize_and_crop({}, 4); }, "pixels of a resize");
  check_error([] { lift::resize(lift::blank_image(4, 4, 3, 0), 0, 4); }, "pixels of a resize");
  check_error([] { lift::central(3, 4); }, "got 3, want at least 4");
}

BOOST_AUTO_TEST_SUITE_END()
