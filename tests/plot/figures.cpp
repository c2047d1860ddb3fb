// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE figures
#include <boost/test/unit_test.hpp>

#include <set>

#include <lift/io/decode_image.hpp>
#include <lift/plot/figures.hpp>

#include "io/scratch_folder.hpp"

using namespace lift;

namespace {

/// The picture has the size asked for and shows something, and its script lies beside it.
void check_picture(const std::filesystem::path& file, std::size_t width, std::size_t height,
                   std::size_t colours) {
  const image picture = read_image(file);
  BOOST_CHECK_EQUAL(picture.width, width);
  BOOST_CHECK_EQUAL(picture.height, height);
  std::set<std::uint32_t> seen;
  for (std::size_t i = 0; i + 2 < picture.pixels.size(); i += 3)
    seen.insert(std::uint32_t{picture.pixels[i]} << 16 | std::uint32_t{picture.pixels[i + 1]} << 8 |
                picture.pixels[i + 2]);
  BOOST_CHECK_GT(seen.size(), colours);
  BOOST_CHECK(std::filesystem::exists(std::filesystem::path(file).replace_extension(".gp")));
}

error_heatmap example() {
  error_heatmap map;
  map.gamma = {0.01, 0.1, 1, 10, 100};
  map.timesteps = {943, 800, 500, 200, 54};
  map.fine = grid(5, 5);
  map.coarse = grid(5, 5);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j) {
      map.fine(i, j) = 1 / (map.gamma[i] * (1 + map.gamma[j]));
      map.coarse(i, j) = 1 / (map.gamma[j] * (1 + map.gamma[i]));
    }
  return map;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_figure_is_drawn) {
  const scratch_folder folder;
  const drawn_path path{"it's a path", {{0.01, 0.01}, {1, 10}, {100, 100}}};
  draw_heatmap(folder / "heatmap.png", example(), {path, {"other", {{0.1, 0.1}, {1, 1}}}});
  check_picture(folder / "heatmap.png", 1500, 560, 30);
  draw_heatmap(folder / "bare.png", example());
  check_picture(folder / "bare.png", 1500, 560, 20);
  draw_diagonal_error(folder / "diagonal.png", example());
  check_picture(folder / "diagonal.png", 1100, 480, 10);
  draw_paths(folder / "paths.png", {path});
  check_picture(folder / "paths.png", 640, 640, 5);
  draw_curves(folder / "curves.png", "loss", "step", "loss", {{"a", {{0, 1}, {1, 0.5}}}}, true);
  check_picture(folder / "curves.png", 800, 480, 5);
  draw_bars(folder / "bars.png", "bars", "y", {{"one", 1}, {"two", 2}});
  check_picture(folder / "bars.png", 380, 440, 5);
}

BOOST_AUTO_TEST_CASE(a_name_with_a_quote_and_a_space_is_only_a_name) {
  const scratch_folder folder;
  std::filesystem::create_directory(folder / "it's here");
  draw_bars(folder / "it's here/a b.png", "t", "y", {{"x", 1}});
  check_picture(folder / "it's here/a b.png", 270, 440, 3);
}

BOOST_AUTO_TEST_CASE(nothing_to_draw_is_an_error) {
  const scratch_folder folder;
  BOOST_CHECK_THROW(draw_paths(folder / "a.png", {}), error);
  BOOST_CHECK_THROW(draw_curves(folder / "a.png", "t", "x", "y", {}), error);
  BOOST_CHECK_THROW(draw_bars(folder / "missing/a.png", "t", "y", {{"x", 1}}), error);
  BOOST_CHECK_EQUAL(folder.files(), 0u);
}
