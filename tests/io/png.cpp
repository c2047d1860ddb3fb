// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <io/exif_data.hpp>
#include <io/hostile.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/png.hpp>

BOOST_AUTO_TEST_SUITE(png_tests)

namespace {

lift::image gradient(std::size_t width, std::size_t height, std::size_t channels) {
  lift::image picture = lift::blank_image(width, height, channels, 0);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    picture.pixels[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  }
  return picture;
}

/// A PNG one pixel high of any kind, `row` being its bytes as libpng takes them.
std::vector<std::byte> one_row(std::uint32_t width, int depth, int colour_type,
                               std::vector<std::uint8_t> row, int interlace = PNG_INTERLACE_NONE) {
  std::vector<std::byte> encoded;
  lift::png_session session(lift::png_session::direction::write);
  png_structp png = session.png();
  session.run("test", [&] {
    png_set_write_fn(
        png, &encoded,
        [](png_structp to, png_bytep data, std::size_t count) {
          const auto bytes = std::as_bytes(std::span(data, count));
          auto* out = static_cast<std::vector<std::byte>*>(png_get_io_ptr(to));
          out->insert(out->end(), bytes.begin(), bytes.end());
        },
        nullptr);
    png_set_IHDR(png, session.info(), width, 1, depth, colour_type, interlace, 0, 0);
    const png_color palette[] = {{10, 20, 30}, {40, 50, 60}};
    const png_byte alphas[] = {255, 0};
    if (colour_type == PNG_COLOR_TYPE_PALETTE) {
      png_set_PLTE(png, session.info(), palette, 2);
      png_set_tRNS(png, session.info(), alphas, 2, nullptr);
    }
    png_bytep rows[] = {row.data()};
    png_set_rows(png, session.info(), rows);
    png_write_png(png, session.info(), PNG_TRANSFORM_IDENTITY, nullptr);
  });
  return encoded;
}

using bytes = std::vector<std::uint8_t>;

bytes decoded_pixels(const std::vector<std::byte>& file) {
  return lift::decode_png(file, "test").pixels;
}

/// The four bytes of a big-endian number written over `file` at `offset`, its chunk's checksum left
/// wrong.
void put_u32(std::vector<std::byte>& file, std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    file[offset + i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

std::uint32_t crc32_of(std::span<const std::byte> data) {
  std::uint32_t crc = 0xffffffffu;
  for (const std::byte byte : data) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

/// A small PNG that claims to have this width and height.
std::vector<std::byte> claiming(std::uint32_t width, std::uint32_t height) {
  auto file = lift::encode_png(gradient(3, 3, 3));
  put_u32(file, 16, width);
  put_u32(file, 20, height);
  put_u32(file, 29, crc32_of(std::span(file).subspan(12, 17)));
  return file;
}

}  // namespace

BOOST_AUTO_TEST_CASE(pixels_and_text_survive_a_round_trip) {
  const scratch_folder folder;
  const lift::image picture = gradient(17, 9, 3);
  const lift::image_text texts = {{"seed", "12"}, {"path", "dp_64, λ"}, {"empty", ""}};
  lift::write_png(folder / "a.png", picture, texts);
  lift::image_text read;
  BOOST_CHECK(lift::decode_png(lift::read_file(folder / "a.png"), "a.png", &read) == picture);
  BOOST_TEST(read == texts);
  BOOST_TEST(folder.files() == 1u);
  BOOST_CHECK(lift::encode_png(picture, texts) == lift::encode_png(picture, texts));
}

BOOST_AUTO_TEST_CASE(every_kind_becomes_rgb_on_white) {
  BOOST_TEST(decoded_pixels(lift::encode_png({2, 1, 1, {7, 200}})) ==
             (bytes{7, 7, 7, 200, 200, 200}));
  BOOST_TEST(decoded_pixels(one_row(2, 1, PNG_COLOR_TYPE_GRAY, {0x40})) ==
             (bytes{0, 0, 0, 255, 255, 255}));
  BOOST_TEST(decoded_pixels(one_row(2, 8, PNG_COLOR_TYPE_PALETTE, {0, 1})) ==
             (bytes{10, 20, 30, 255, 255, 255}));
  BOOST_TEST(decoded_pixels(one_row(2, 8, PNG_COLOR_TYPE_GRAY_ALPHA, {0, 128, 9, 255})) ==
             (bytes{127, 127, 127, 9, 9, 9}));
  BOOST_TEST(decoded_pixels(one_row(3, 8, PNG_COLOR_TYPE_RGB_ALPHA,
                                    {1, 2, 3, 255, 1, 2, 3, 0, 255, 0, 100, 51})) ==
             (bytes{1, 2, 3, 255, 255, 255, 255, 204, 224}));
  BOOST_TEST(decoded_pixels(one_row(1, 16, PNG_COLOR_TYPE_RGB,
                                    {0x80, 0x80, 0xff, 0xff, 0x01, 0x82})) == (bytes{128, 255, 2}));
  BOOST_TEST(decoded_pixels(one_row(2, 8, PNG_COLOR_TYPE_RGB, {1, 2, 3, 4, 5, 6},
                                    PNG_INTERLACE_ADAM7)) == (bytes{1, 2, 3, 4, 5, 6}));
}

BOOST_AUTO_TEST_CASE(bad_files_are_refused_by_name_and_reason) {
  const auto decode = [](const std::vector<std::byte>& file) {
    return [&file] { lift::decode_png(file, "x.png"); };
  };
  check_error(decode({}), "PNG 'x.png': the file is truncated");
  check_error(decode(std::vector<std::byte>(100)), "PNG 'x.png': Not a PNG file");
  const std::string limit = " pixels, 1 × 1 to 8192 × 8192 are read";
  check_error(decode(claiming(8193, 8)), "PNG 'x.png': 8193 × 8" + limit);
  check_error(decode(claiming(8, 0xffffffff)), "PNG 'x.png': 8 × 4294967295" + limit);
  check_error(decode(claiming(0, 8)), "PNG 'x.png': 0 × 8" + limit);
  check_error(decode(claiming(8192, 8192)), "the file is truncated");
  check_error(decode(claiming(3, 4)), "Not enough image data");
  auto damaged = lift::encode_png(gradient(3, 3, 3));
  damaged[45] ^= std::byte{0x55};
  check_error(decode(damaged), "IDAT");
}

BOOST_AUTO_TEST_CASE(exif_turns_the_picture_before_and_after_the_pixels) {
  const lift::image picture = gradient(4, 2, 3);
  const auto file = lift::encode_png(picture);
  const std::size_t header = 33, end = 12;  // signature and IHDR; IEND
  for (const unsigned orientation : {1u, 3u, 6u}) {
    // The chunk's size, name, content and checksum.
    const std::string content = "eXIf" + exif_data(orientation);
    const auto bytes = std::as_bytes(std::span(content));
    std::vector<std::byte> chunk(4 + bytes.size() + 4);
    std::copy(bytes.begin(), bytes.end(), chunk.begin() + 4);
    put_u32(chunk, 0, static_cast<std::uint32_t>(bytes.size() - 4));
    put_u32(chunk, 4 + bytes.size(), crc32_of(bytes));
    for (const std::size_t place : {header, file.size() - end}) {
      auto with_exif = file;
      with_exif.insert(with_exif.begin() + static_cast<std::ptrdiff_t>(place), chunk.begin(),
                       chunk.end());
      BOOST_CHECK(lift::decode_png(with_exif, "x") ==
                  lift::upright(picture, static_cast<int>(orientation)));
    }
  }
}

BOOST_AUTO_TEST_CASE(images_that_no_png_can_hold_are_refused) {
  check_error([] { lift::encode_png({2, 1, 2, {1, 2, 3, 4}}); }, "channels of a PNG: got 2");
  check_error([] { lift::encode_png({2, 2, 3, {1, 2, 3}}); }, "bytes of an image: got 3, want 12");
  check_error([] { lift::encode_png({}); }, "pixels of a PNG");
  check_error(
      [] {
        lift::encode_png({1, 1, 1, {1}}, {{std::string(80, 'k'), "v"}});
      },
      "keyword of a PNG text");
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const auto file = lift::encode_png(gradient(16, 16, 3), {{"key", "text"}});
  const auto decode = [](std::span<const std::byte> part) { lift::decode_png(part, "part"); };
  BOOST_TEST(count_refused_truncations(file, decode) == file.size());
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_read_or_refused) {
  const auto file = lift::encode_png(gradient(8, 8, 3), {{"key", "text"}});
  const auto decode = [](std::span<const std::byte> changed) { lift::decode_png(changed, "x"); };
  BOOST_TEST(count_refused_changes(file, decode) > file.size() / 2);
}

BOOST_AUTO_TEST_SUITE_END()
