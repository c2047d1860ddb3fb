// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <io/hostile.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/emoji.hpp>

BOOST_AUTO_TEST_SUITE(emoji_tests)

namespace {

const std::vector<lift::named_image>& rendered() {
  static const auto images = lift::render_emoji(32);
  return images;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_picture_fits_into_the_middle_of_white) {
  const lift::image black = lift::blank_image(8, 8, 3, 0);
  BOOST_CHECK(lift::fit_on_white(black, 4) == lift::blank_image(4, 4, 3, 0));
  const lift::image wide = lift::fit_on_white(black, {7, 4});
  BOOST_REQUIRE(wide.width == 7u && wide.height == 4u);
  for (std::size_t i = 0; i < wide.pixels.size(); ++i)
    BOOST_CHECK_EQUAL(wide.pixels[i] == 0, i / 3 % 7 >= 1 && i / 3 % 7 < 5);
}

BOOST_AUTO_TEST_CASE(every_colour_glyph_becomes_a_picture_on_white) {
  const auto& images = rendered();
  BOOST_TEST(images.size() > 3000u);
  std::set<std::string> names;
  double mean = 0;
  std::size_t white_corners = 0;
  for (const auto& [name, picture] : images) {
    names.insert(name);
    BOOST_REQUIRE(picture.width == 32u);
    BOOST_REQUIRE(picture.pixels.size() == 32u * 32 * 3);
    for (const auto level : picture.pixels) mean += level;
    white_corners +=
        picture.pixels[0] == 255 && picture.pixels[1] == 255 && picture.pixels[2] == 255;
  }
  mean /= static_cast<double>(images.size() * 32 * 32 * 3);
  BOOST_TEST(names.size() == images.size());
  BOOST_TEST(std::is_sorted(images.begin(), images.end(),
                            [](const auto& a, const auto& b) { return a.name < b.name; }));
  BOOST_TEST(white_corners > images.size() * 9 / 10);
  BOOST_TEST((mean > 128 && mean < 240));
}

BOOST_AUTO_TEST_CASE(the_first_so_many_are_those_of_all) {
  const auto first = lift::render_emoji(32, lift::default_emoji_font, 5);
  BOOST_REQUIRE_EQUAL(first.size(), 5u);
  for (std::size_t i = 0; i < first.size(); ++i) {
    BOOST_TEST(first[i].name == rendered()[i].name);
    BOOST_CHECK(first[i].picture == rendered()[i].picture);
  }
}

BOOST_AUTO_TEST_CASE(a_face_is_yellow) {
  const auto& images = rendered();
  const auto face = std::find_if(images.begin(), images.end(), [](const auto& image) {
    return image.name.ends_with("_u1f610.png");
  });
  BOOST_REQUIRE(face != images.end());
  const auto* cheek = &face->picture.pixels[(18 * 32 + 7) * 3];
  BOOST_TEST((cheek[0] > 220 && cheek[1] > 150 && cheek[2] < 120));
}

BOOST_AUTO_TEST_CASE(fonts_that_cannot_serve_are_refused) {
  const scratch_folder folder;
  check_error([&] { lift::render_emoji(32, folder / "absent.ttf"); },
              "apt-get install fonts-noto-color-emoji");
  lift::atomic_write(folder / "bad.ttf", std::string_view("no font"));
  check_error([&] { lift::render_emoji(32, folder / "bad.ttf"); },
              "bad.ttf holds no colour bitmaps");
}

BOOST_AUTO_TEST_SUITE_END()
