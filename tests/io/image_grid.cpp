// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <vector>

#include <io/hostile.hpp>
#include <lift/io/image_grid.hpp>

BOOST_AUTO_TEST_SUITE(image_grid_tests)

BOOST_AUTO_TEST_CASE(tiles_stand_row_by_row_with_a_margin) {
  const std::vector<lift::image> tiles = {{2, 1, 1, {1, 2}}, {2, 1, 1, {3, 4}}, {2, 1, 1, {5, 6}}};
  const lift::image grid = lift::image_grid(tiles, {.columns = 2, .margin = 1, .background = 9});
  // clang-format off
  const lift::image want{7, 5, 1, {9, 9, 9, 9, 9, 9, 9,
                                   9, 1, 2, 9, 3, 4, 9,
                                   9, 9, 9, 9, 9, 9, 9,
                                   9, 5, 6, 9, 9, 9, 9,
                                   9, 9, 9, 9, 9, 9, 9}};
  // clang-format on
  BOOST_TEST(grid.width == want.width);
  BOOST_TEST(grid.height == want.height);
  BOOST_TEST(grid.pixels == want.pixels);
}

BOOST_AUTO_TEST_CASE(columns_default_to_a_square) {
  const std::vector<lift::image> tiles(10, lift::blank_image(3, 3, 3, 0));
  const lift::image grid = lift::image_grid(tiles, {.margin = 0});
  BOOST_TEST(grid.width == 12u);
  BOOST_TEST(grid.height == 9u);
  BOOST_TEST(lift::image_grid(std::span(tiles).first(1), {.columns = 8, .margin = 0}).width == 3u);
}

BOOST_AUTO_TEST_CASE(a_batch_of_values_is_tiled) {
  const std::vector<float> batch = {-1, -1, 1,
                                    1,  0,  0};  // two images of three channels, one pixel each
  const lift::image grid = lift::image_grid(batch, {2, 3, 1, 1}, {.margin = 0});
  BOOST_TEST(grid.pixels == (std::vector<std::uint8_t>{0, 0, 255, 255, 128, 128}));
  const lift::image quirk =
      lift::image_grid(batch, {2, 3, 1, 1}, {.margin = 0}, lift::rounding::truncated);
  BOOST_TEST(quirk.pixels == (std::vector<std::uint8_t>{0, 0, 255, 255, 127, 127}));
}

BOOST_AUTO_TEST_CASE(grids_of_nothing_or_of_unequal_images_are_refused) {
  check_error([] { lift::image_grid(std::span<const lift::image>{}); }, "images of a grid: got 0");
  const std::vector<lift::image> tiles = {lift::blank_image(2, 2, 3, 0),
                                          lift::blank_image(2, 3, 3, 0)};
  check_error([&] { lift::image_grid(tiles); },
              "shape of image 1 of a grid: got (3, 2, 3), want (2, 2, 3)");
  const std::vector<float> batch(7);
  check_error(
      [&] {
        lift::image_grid(batch, {2, 3, 1, 1});
      },
      "got (2, 3, 1, 1), want (N, C, H, W) of 7 values");
}

BOOST_AUTO_TEST_SUITE_END()
