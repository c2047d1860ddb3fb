// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>

#include <stdlib.h>

#include <lift/io/decode_image.hpp>
#include <lift/plot/figures.hpp>

#include "comma_locale.hpp"
#include "io/hostile.hpp"
#include "io/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(figures_tests)

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

std::string content(const std::filesystem::path& file) {
  const auto bytes = read_file(file);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// While it lives, `gnuplot` is a shell script of these lines, in `folder`.
class other_gnuplot {
 public:
  other_gnuplot(const std::filesystem::path& folder, const std::string& lines)
      : before_(::getenv("PATH")) {
    std::filesystem::create_directory(folder);
    atomic_write(folder / "gnuplot", "#!/bin/sh\n" + lines + "\n");
    std::filesystem::permissions(folder / "gnuplot", std::filesystem::perms::owner_all);
    ::setenv("PATH", folder.c_str(), 1);
  }
  other_gnuplot(const other_gnuplot&) = delete;
  ~other_gnuplot() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

/// A gnuplot that takes any script and draws the first bytes of a PNG.
constexpr const char* takes_anything = "printf '\\211PNG\\r\\n\\032\\n'";

/// A script without what its strings in double quotes hold.
std::string skeleton(const std::string& script) {
  std::string result;
  bool inside = false;
  for (const char c : script) {
    if (!inside || c == '"') result += c;
    if (c == '"') inside = !inside;
  }
  return result;
}

const std::vector<std::string> nasty = {"dp\nsystem \"touch pwned\"\n#",
                                        "`touch pwned`",
                                        "\"; system 'touch pwned' #",
                                        "'; system \"touch pwned\" #",
                                        "\\\"\nsystem('touch pwned')",
                                        "@system $(touch pwned) ${x} ^{2} _a {/Symbol",
                                        "|touch pwned",
                                        "%999999d %s %n %",
                                        "EOD\nsystem 'touch pwned'\n",
                                        "\\140touch pwned\\140",
                                        "-e \"system 'touch pwned'\"",
                                        "\r\x1b]0;title\x07\x1b[2J\u202e\u2028\x7f\x9b\xff\xc3",
                                        std::string("a\0\nsystem 'touch pwned'", 23),
                                        std::string(5000, 'x'),
                                        "",
                                        "Übersicht ×, γ² 日本"};

error_heatmap<> example() {
  error_heatmap<> map;
  map.gamma = {0.01, 0.1, 1, 10, 100};
  map.timesteps = {943, 800, 500, 200, 54};
  map.of(0) = grid(5, 5);
  map.of(1) = grid(5, 5);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j) {
      map.of(0)(i, j) = 1 / (map.gamma[i] * (1 + map.gamma[j]));
      map.of(1)(i, j) = 1 / (map.gamma[j] * (1 + map.gamma[i]));
    }
  return map;
}

/// Every function that draws names, with `s` wherever a string can stand.
void draw_all(const std::filesystem::path& folder, const std::string& s, const std::string& file) {
  draw_heatmap(folder / ("heatmap" + file), example(), {{s, {{1, 10}, {100, 100}}}, {s, {{1, 1}}}});
  draw_paths(folder / ("paths" + file), {{s, {{0.01, 0.01}, {1, 10}}}});
  draw_curves(folder / ("curves" + file), s, s, s, {{s, {{0, 1}, {1, 0.5}}}}, true);
  draw_bars(folder / ("bars" + file), s, s, {{s, 1}, {s, 2}});
}

}  // namespace

// A script is made of code that the compiler knew, of numbers and of escaped strings.
template <class Part>
concept goes_into_a_script = requires(figure f, const Part& part) {
  f << part;
};
static_assert(goes_into_a_script<gnuplot_string> && goes_into_a_script<double> &&
              goes_into_a_script<std::size_t> && goes_into_a_script<gnuplot_code>);
static_assert(!goes_into_a_script<std::string> && !goes_into_a_script<std::string_view> &&
              !goes_into_a_script<const char*> && !goes_into_a_script<char> &&
              !goes_into_a_script<bool> && !goes_into_a_script<std::filesystem::path>);
static_assert(!std::is_convertible_v<std::string, gnuplot_string> &&
              !std::is_constructible_v<gnuplot_code, const char*> &&
              !std::is_constructible_v<gnuplot_code, std::string>);

BOOST_AUTO_TEST_CASE(no_string_reaches_a_script_but_as_a_string) {
  const scratch_folder folder;
  const other_gnuplot taking(folder / "bin", takes_anything);
  const std::array<const char*, 4> names = {"heatmap", "paths", "curves", "bars"};
  draw_all(folder.path(), "plain", ".png");
  std::vector<std::string> strings = nasty;
  std::mt19937 random(1);
  for (int i = 0; i < 24; ++i) {
    std::string s;
    while (random() % 24 != 0) s += static_cast<char>(i % 2 ? random() : 1 + random() % 0x2f);
    strings.push_back(s);
  }
  for (const std::string& s : strings) {
    std::string file = s.substr(0, 200) + ".png";
    std::erase_if(file, [](char c) { return c == '/' || c == '\0'; });
    BOOST_TEST_CONTEXT("string " << printable(s)) {
      draw_all(folder.path(), s, file);
      const std::string ending = file.substr(0, file.size() - 4) + ".gp";
      for (const std::string name : names) {
        const std::string script = content(folder / (name + ending));
        BOOST_CHECK_EQUAL(skeleton(script), skeleton(content(folder / (name + ".gp"))));
        BOOST_CHECK(std::all_of(script.begin(), script.end(), [](char c) {
          return c == '\n' || (c >= ' ' && c != '`' && c != '\x7f') || c < 0;
        }));
        BOOST_CHECK(is_utf8(script));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gnuplot_runs_nothing_and_shows_every_name) {
  for (const std::string& s : nasty) {
    const scratch_folder folder;
    std::filesystem::current_path(folder.path());
    std::string file = s.substr(0, 200) + ".png";
    std::erase_if(file, [](char c) { return c == '/' || c == '\0'; });
    BOOST_TEST_CONTEXT("string " << printable(s)) {
      draw_bars(folder / file, s, s, {{s, 1}});
      BOOST_CHECK_EQUAL(folder.files(), 2u);
      check_picture(folder / file, 270, 440, 3);
      // The script alone draws the same picture into the same name, whatever that is.
      const auto script = std::filesystem::path(folder / file).replace_extension(".gp");
      std::filesystem::copy_file(script, folder / "again");
      const std::string picture = content(folder / file);
      std::filesystem::remove(folder / file);
      BOOST_REQUIRE_EQUAL(std::system("gnuplot -d again"), 0);
      BOOST_CHECK(content(folder / file) == picture);
      BOOST_CHECK_EQUAL(folder.files(), 3u);
    }
    std::filesystem::current_path("/");
  }
  const scratch_folder folder;
  std::vector<curve> curves;
  for (const std::string& s : nasty) curves.push_back({s, {{0, 1}, {1, 0.5}}});
  draw_curves(folder / "c.png", "t", "x", "y", curves);
  BOOST_CHECK_EQUAL(folder.files(), 2u);
}

BOOST_AUTO_TEST_CASE(a_drawing_that_fails_leaves_the_earlier_one) {
  const scratch_folder folder;
  const auto draw = [&](const char* name) { draw_bars(folder / name, "t", "y", {{"x", 1}}); };
  draw("a.png");
  const std::string picture = content(folder / "a.png"), script = content(folder / "a.gp");
  const std::map<std::string, std::string> gnuplots = {
      {"echo 'line 3: no such thing' >&2; exit 1", "gnuplot failed: line 3: no such thing"},
      {"exit 0", "gnuplot failed"},
      {"printf 'not a picture'", "gnuplot failed"},
      {std::string(takes_anything) + "; exit 1", "gnuplot failed"},
      {std::string(takes_anything) + "; kill -9 $$", "gnuplot failed"}};
  for (const auto& [lines, want] : gnuplots) {
    const other_gnuplot failing(folder / "bin", lines);
    check_error([&] { draw("a.png"); }, want);
    check_error([&] { draw("new.png"); }, want);
  }
  {
    const other_gnuplot none(folder / "bin", "");
    std::filesystem::remove(folder / "bin/gnuplot");
    check_error([&] { draw("a.png"); }, "gnuplot is missing");
  }
  check_error([&] { draw("a.gp"); }, "another ending than .gp");
  check_error([&] { draw_bars(folder / "a.png", "t", "y", {{"x", 1. / 0.}}); }, "gnuplot failed");
  BOOST_CHECK(content(folder / "a.png") == picture && content(folder / "a.gp") == script);
  BOOST_CHECK_EQUAL(folder.files(), 3u);  // those two and bin
}

BOOST_AUTO_TEST_CASE(gnuplot_starts_with_the_signals_of_a_fresh_program) {
  const scratch_folder folder;
  const other_gnuplot telling(
      folder / "bin", std::string(takes_anything) +
                          "; while read -r name mask; do case $name in SigBlk:) blocked=$mask;; "
                          "SigIgn:) ignored=$mask;; esac; done < /proc/self/status; "
                          "echo $((0x$blocked & 0x7fffffff)) $((0x$ignored & 0x7fffffff)) >&2; "
                          "exit 1");
  ::sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::signal(SIGPIPE, SIG_IGN);
  check_error([&] { draw_bars(folder / "a.png", "t", "y", {{"x", 1}}); }, "gnuplot failed: 0 0");
  std::signal(SIGPIPE, SIG_DFL);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(a_locale_of_the_host_program_changes_no_figure) {
  const scratch_folder folder;
  const auto draw = [&] { draw_all(folder.path(), "a", ".png"); };
  draw();
  const std::string before = content(folder / "heatmap.png"), script = content(folder / "bars.gp");
  const lift::test::comma_locale other;
  draw();
  BOOST_CHECK(content(folder / "heatmap.png") == before && content(folder / "bars.gp") == script);
}

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

BOOST_AUTO_TEST_SUITE_END()
