// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <webp/encode.h>

#include <io/exif_data.hpp>
#include <io/hostile.hpp>
#include <lift/io/decode_image.hpp>

BOOST_AUTO_TEST_SUITE(decode_image_tests)

namespace {

using bytes = std::vector<std::byte>;

bytes to_bytes(std::string_view characters) {
  const auto span = std::as_bytes(std::span(characters));
  return {span.begin(), span.end()};
}

/// The `count` bytes of a number, least first.
std::string number(std::uint64_t value, int count) {
  std::string result;
  for (int i = 0; i < count; ++i, value >>= 8) result += static_cast<char>(value);
  return result;
}

std::vector<int> levels(const lift::image& picture) {
  return {picture.pixels.begin(), picture.pixels.end()};
}

/// A picture none of whose pixels is like another.
lift::image gradient(std::size_t width, std::size_t height) {
  lift::image picture = lift::blank_image(width, height, 3, 0);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  return picture;
}

/// A lossless WebP of an RGBA picture, with EXIF data if they are given.
bytes webp(const lift::image& rgba, const std::string& exif = "") {
  std::uint8_t* encoded = nullptr;
  const auto width = static_cast<int>(rgba.width), height = static_cast<int>(rgba.height);
  const std::size_t size =
      rgba.channels == 4
          ? WebPEncodeLosslessRGBA(rgba.pixels.data(), width, height, 4 * width, &encoded)
          : WebPEncodeLosslessRGB(rgba.pixels.data(), width, height, 3 * width, &encoded);
  std::string file(reinterpret_cast<const char*>(encoded), size);
  WebPFree(encoded);
  if (!exif.empty()) {
    const std::string head = "VP8X" + number(10, 4) + number(8, 4) + number(rgba.width - 1, 3) +
                             number(rgba.height - 1, 3);
    file.insert(12, head);
    file += "EXIF" + number(exif.size(), 4) + exif;
    file.replace(4, 4, number(file.size() - 8, 4));
  }
  return to_bytes(file);
}

/// A BMP three pixels wide and two high.
std::string bmp(unsigned bits, const std::string& palette, const std::string& rows,
                unsigned compression = 0, std::int64_t height = 2, std::uint32_t width = 3) {
  const std::size_t start = 54 + palette.size();
  return "BM" + number(start + rows.size(), 4) + number(0, 4) + number(start, 4) + number(40, 4) +
         number(width, 4) + number(static_cast<std::uint64_t>(height), 4) + number(1, 2) +
         number(bits, 2) + number(compression, 4) + number(0, 20) + palette + rows;
}

const std::string black_and_cyan = std::string("\0\0\0\0", 4) + std::string("\xff\xff\0\0", 4);
const std::string six_grey_levels = std::string("\x01\x01\x01\x02\x02\x02\x03\x03\x03\0\0\0", 12) +
                                    std::string("\x04\x04\x04\x05\x05\x05\x06\x06\x06\0\0\0", 12);

/// A GIF of 2 × 2 pixels with the colours black, red, green and blue, its frame at (left, top).
std::string gif(unsigned left = 0, unsigned top = 0, unsigned screen = 2, int transparent = -1) {
  std::string file = "GIF89a" + number(screen, 2) + number(screen, 2) + std::string("\x81\0\0", 3) +
                     std::string("\0\0\0\xff\0\0\0\xff\0\0\0\xff", 12);
  if (transparent >= 0)
    file += "!\xf9\x04\x01" + number(0, 2) + number(static_cast<unsigned>(transparent), 1) +
            number(0, 1);
  // Clear, 0, 1, 2, 3, end: codes of 3 bits, of 4 from the fifth on.
  return file + "," + number(left, 2) + number(top, 2) + number(2, 2) + number(2, 2) +
         number(0, 1) + "\x02" + "\x03" + "\x44\x34\x05" + number(0, 1) + ";";
}

lift::image decoded(const bytes& file) { return lift::decode_image(file, "x"); }
lift::image decoded(const std::string& file) { return decoded(to_bytes(file)); }

void check_refused(const std::string& file, const std::string& why) {
  check_error([&] { decoded(file); }, why);
}

}  // namespace

BOOST_AUTO_TEST_CASE(webp_becomes_rgb_on_white) {
  BOOST_CHECK(decoded(webp(gradient(5, 4))) == gradient(5, 4));
  const lift::image rgba{2, 1, 4, {10, 20, 30, 255, 255, 0, 100, 51}};
  BOOST_TEST(levels(decoded(webp(rgba))) == (std::vector<int>{10, 20, 30, 255, 204, 224}));
}

BOOST_AUTO_TEST_CASE(bmp_of_every_depth_is_read) {
  const std::vector<int> bits = {0, 0,   0,   0, 255, 255, 0, 0,   0,  // the upper row
                                 0, 255, 255, 0, 0,   0,   0, 255, 255};
  const std::string rows1 = std::string("\xa0\0\0\0", 4) + std::string("\x40\0\0\0", 4);
  BOOST_TEST(levels(decoded(bmp(1, black_and_cyan, rows1))) == bits);
  std::string palette = black_and_cyan;
  palette.resize(16 * 4);
  const std::string rows4 = std::string("\x10\x10\0\0", 4) + std::string("\x01\0\0\0", 4);
  BOOST_TEST(levels(decoded(bmp(4, palette, rows4))) == bits);
  palette.resize(256 * 4);
  const std::string rows8 = std::string("\1\0\1\0", 4) + std::string("\0\1\0\0", 4);
  BOOST_TEST(levels(decoded(bmp(8, palette, rows8))) == bits);

  const std::vector<int> lower_first = {4, 4, 4, 5, 5, 5, 6, 6, 6, 1, 1, 1, 2, 2, 2, 3, 3, 3};
  const std::vector<int> upper_first = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6};
  BOOST_TEST(levels(decoded(bmp(24, "", six_grey_levels))) == lower_first);
  BOOST_TEST(levels(decoded(bmp(24, "", six_grey_levels, 0, -2))) == upper_first);
  const std::string red_green_blue = number(0x7c00, 2) + number(0x3e0, 2) + number(0x1f, 4);
  const std::vector<int> primary = {255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 16, 0, 0, 0, 0, 8};
  const std::string dark = number(0, 2) + number(2 << 10, 2) + number(1, 4);
  BOOST_TEST(levels(decoded(bmp(16, "", red_green_blue + dark, 0, -2))) == primary);
  const std::string masks565 = number(0xf800, 4) + number(0x7e0, 4) + number(0x1f, 4);
  const std::string wide = number(0xf800, 2) + number(0x7e0, 2) + number(0x1f, 4);
  const std::string wide_dark = number(0, 2) + number(2 << 11, 2) + number(1, 4);
  BOOST_TEST(levels(decoded(bmp(16, masks565, wide + wide_dark, 3, -2))) == primary);
  const std::string row32 = number(0x112233, 4) + number(0xff445566, 4) + number(0x778899, 4);
  BOOST_TEST(levels(decoded(bmp(32, "", row32, 0, 1))) ==
             (std::vector<int>{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99}));
  const std::string alpha =
      number(0xff0000, 4) + number(0xff00, 4) + number(0xff, 4) + number(0xff000000, 4);
  BOOST_TEST(levels(decoded(bmp(32, alpha, row32, 6, 1))) ==
             (std::vector<int>{255, 255, 255, 0x44, 0x55, 0x66, 255, 255, 255}));
}

BOOST_AUTO_TEST_CASE(gif_gives_its_first_frame_on_white) {
  const std::vector<int> whole = {0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255};
  BOOST_TEST(levels(decoded(gif())) == whole);
  BOOST_TEST(levels(decoded(gif() + "what follows is not read")) == whole);
  BOOST_TEST(levels(decoded(gif(0, 0, 2, 2))) ==
             (std::vector<int>{0, 0, 0, 255, 0, 0, 255, 255, 255, 0, 0, 255}));
  const lift::image part = decoded(gif(1, 0, 3));
  BOOST_TEST(part.width == 3u);
  BOOST_TEST(part.height == 3u);
  BOOST_TEST(std::vector<int>(part.pixels.begin(), part.pixels.begin() + 9) ==
             (std::vector<int>{255, 255, 255, 0, 0, 0, 255, 0, 0}));
  const lift::image beyond = decoded(gif(1, 2, 1));  // the screen grows, as in browsers
  BOOST_TEST(beyond.width == 3u);
  BOOST_TEST(beyond.height == 4u);
}

BOOST_AUTO_TEST_CASE(orientations_are_those_of_pillow) {
  const lift::image picture{3, 2, 1, {1, 2, 3, 4, 5, 6}};
  const std::vector<std::vector<int>> turned = {
      {1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
      {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const lift::image result = lift::upright(picture, orientation);
    BOOST_TEST(result.width == (orientation < 5 ? 3u : 2u));
    BOOST_TEST(levels(result) == turned[static_cast<std::size_t>(orientation) - 1]);
    const auto data = to_bytes(exif_data(static_cast<unsigned>(orientation)));
    BOOST_TEST(lift::exif_orientation(data) == orientation);
    const lift::image wide = gradient(5, 3);
    BOOST_CHECK(decoded(webp(wide, exif_data(static_cast<unsigned>(orientation)))) ==
                lift::upright(wide, orientation));
  }
}

BOOST_AUTO_TEST_CASE(damaged_exif_is_ignored) {
  const auto orientation = [](const std::string& data) {
    return lift::exif_orientation(to_bytes(data));
  };
  BOOST_TEST(orientation(std::string("Exif\0\0", 6) + exif_data(6)) == 6);
  BOOST_TEST(
      orientation(std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x05\0\0", 22)) == 5);
  for (const unsigned beyond : {0u, 9u, 0x106u, 0xffffu})
    BOOST_TEST(orientation(exif_data(beyond)) == 1);
  const std::string whole = exif_data(6);
  for (std::size_t size = 0; size < 10 + 24 - 2; ++size)
    BOOST_TEST(orientation(whole.substr(0, size)) == 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(0xff);
    const int result = orientation(changed);
    BOOST_TEST((result == 6 || result == 1));
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_and_every_changed_byte_is_read_or_refused) {
  const lift::image rgba{2, 2, 4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
  std::string palette = black_and_cyan;
  palette.resize(16 * 4);
  const std::pair<const char*, bytes> files[] = {
      {"webp", webp(gradient(4, 4))},
      {"webp with alpha and EXIF", webp(rgba, exif_data(6))},
      {"bmp of 24 bits", to_bytes(bmp(24, "", six_grey_levels))},
      {"bmp of 4 bits", to_bytes(bmp(4, palette, std::string(8, '\x10')))},
      {"gif", to_bytes(gif(0, 0, 2, 2))},
  };
  for (const auto& [kind, file] : files) {
    const auto decode = [](std::span<const std::byte> part) { lift::decode_image(part, "part"); };
    // A GIF ends with a byte that is not waited for.
    BOOST_TEST(count_refused_truncations(file, decode) >= file.size() - 1, kind);
    for (const std::byte flip : {std::byte{0xff}, std::byte{0x80}, std::byte{0x01}})
      BOOST_TEST(count_refused_changes(file, decode, flip) > 3u, kind);
  }
}

BOOST_AUTO_TEST_CASE(lying_and_extreme_sizes_are_refused) {
  const std::string limit = " pixels, 1 × 1 to 8192 × 8192 are read";
  check_refused(bmp(24, "", "", 0, 1, 8193), "BMP 'x': 8193 × 1" + limit);
  check_refused(bmp(24, "", "", 0, -8193, 1), "BMP 'x': 1 × 8193" + limit);
  check_refused(bmp(24, "", "", 0, 0, 1), "BMP 'x': 1 × 0" + limit);
  check_refused(bmp(24, "", "", 0, std::int64_t{-1} << 31, 1), "2147483648" + limit);
  check_refused(bmp(24, "", "", 0, 1, 0x80000000), "BMP 'x': -2147483648 columns");
  check_refused(bmp(24, "", "", 0, 8192, 8192), "BMP 'x': the file is truncated");
  check_refused(bmp(8, "", "", 1), "BMP 'x': compression 1, only uncompressed ones are read");
  check_refused(bmp(2, "", ""), "BMP 'x': 2 bits a pixel");
  check_refused(bmp(1, black_and_cyan, "").replace(14, 1, "\x0c"), "a header of 12 bytes");
  check_refused(bmp(8, "", six_grey_levels), "BMP 'x': the file is truncated");
  std::string few = black_and_cyan;
  few = bmp(4, few, std::string(8, '\x22')).replace(46, 1, "\x02");  // two colours are used
  check_refused(few, "BMP 'x': colour 2 of 2");

  check_refused(gif(0, 0, 8193), "GIF 'x': 8193 × 8193" + limit);
  check_refused(gif(8191, 0), "GIF 'x': 8193 × 2" + limit);
  check_refused(gif(0, 65535), "GIF 'x': 2 × 65537" + limit);
  check_refused(gif().replace(30, 2, std::string(2, '\0')), "GIF 'x': 0 × 2" + limit);
  check_refused("GIF89a" + std::string("\1\0\1\0\0\0\0;", 8), "GIF 'x': there is no frame in it");
  check_refused("GIF89a" + std::string("\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2", 18),
                "GIF 'x': its first frame has no colours");

  const lift::image wide = lift::blank_image(8193, 1, 3, 0);
  check_error([&] { decoded(webp(wide)); }, "WebP 'x': 8193 × 1" + limit);
}

BOOST_AUTO_TEST_CASE(what_is_no_image_is_called_by_its_name) {
  const std::string wanted = ", want PNG, JPEG, WebP, BMP or GIF";
  const auto is = [&](const std::string& file, const std::string& name) {
    check_refused(file, "image 'x': the file is " + name + wanted);
  };
  is("", "an empty file");
  is(std::string(100, '\0'), "of zero bytes alone");
  is("neither", "of an unknown kind");
  is("\xef\xbb\xbf \n<!DOCTYPE HTML><p>not found", "an HTML page");
  is("<html>", "an HTML page");
  is("{\"error\": 404}", "a JSON file");
  is("%PDF-1.7", "a PDF document");
  is(std::string("\0\0\0\x1c"
                 "ftypavif",
                 12),
     "an AVIF image");
  is(std::string("\0\0\0\x1c"
                 "ftypheic",
                 12),
     "a HEIC image");
  is(std::string("II*\0\x08", 5), "a TIFF image");
  is(std::string("MM\0*\0", 5), "a TIFF image");
  is("\x1f\x8b\x08\x08", "gzip data");
  is("PK\x03\x04", "a zip archive");
  is("\x80\x04\x95", "a Python pickle");
  is("version https://git-lfs.github.com/spec/v1", "a Git LFS pointer, not the file itself");
}

BOOST_AUTO_TEST_CASE(weights_are_taken_for_nothing_else) {
  // A safetensors file begins with the size of its header, which may look like anything.
  for (const std::size_t size : {0x4d42u, 0x7b20u, 0x7bu, 0x0a7bu}) {
    const auto content = lift::content_of(to_bytes(number(size, 8) + "{\"a\":{\"dtype\":\"F32\","));
    BOOST_CHECK(content.kind == lift::file_kind::other);
  }
}

BOOST_AUTO_TEST_SUITE_END()
