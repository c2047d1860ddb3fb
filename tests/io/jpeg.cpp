// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <io/exif_data.hpp>
#include <io/hostile.hpp>
#include <lift/io/jpeg.hpp>

BOOST_AUTO_TEST_SUITE(jpeg_tests)

namespace {

/// Encodes an image at the best quality; four channels are taken as CMYK.
std::vector<std::byte> encode_jpeg(lift::image picture, bool progressive = false) {
  jpeg_compress_struct compress{};
  jpeg_error_mgr errors{};
  compress.err = jpeg_std_error(&errors);
  jpeg_create_compress(&compress);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&compress, &buffer, &size);
  compress.image_width = static_cast<JDIMENSION>(picture.width);
  compress.image_height = static_cast<JDIMENSION>(picture.height);
  compress.input_components = static_cast<int>(picture.channels);
  compress.in_color_space = picture.channels == 1   ? JCS_GRAYSCALE
                            : picture.channels == 3 ? JCS_RGB
                                                    : JCS_CMYK;
  jpeg_set_defaults(&compress);
  jpeg_set_quality(&compress, 100, TRUE);
  if (progressive) jpeg_simple_progression(&compress);
  jpeg_start_compress(&compress, TRUE);
  while (compress.next_scanline < picture.height) {
    JSAMPROW row =
        picture.pixels.data() + compress.next_scanline * picture.width * picture.channels;
    jpeg_write_scanlines(&compress, &row, 1);
  }
  jpeg_finish_compress(&compress);
  const auto bytes = std::as_bytes(std::span(buffer, size));
  const std::vector<std::byte> encoded(bytes.begin(), bytes.end());
  jpeg_destroy_compress(&compress);
  std::free(buffer);
  return encoded;
}

/// A smooth picture, which a JPEG of the best quality keeps within a few levels.
lift::image smooth(std::size_t width, std::size_t height, std::size_t channels) {
  lift::image picture = lift::blank_image(width, height, channels, 0);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    const std::size_t pixel = i / channels, x = pixel % width, y = pixel / width;
    picture.pixels[i] = static_cast<std::uint8_t>(60 + 3 * x + 2 * y + 20 * (i % channels));
  }
  return picture;
}

int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  BOOST_REQUIRE(a.size() == b.size());
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(colour_and_grey_come_back_as_rgb) {
  for (const bool progressive : {false, true}) {
    const lift::image picture = smooth(21, 13, 3);
    const lift::image read = lift::decode_jpeg(encode_jpeg(picture, progressive), "test");
    BOOST_TEST(read.width == 21u);
    BOOST_TEST(read.height == 13u);
    BOOST_TEST(largest_difference(read.pixels, picture.pixels) <= 4);
  }
  const lift::image grey = lift::decode_jpeg(encode_jpeg(lift::blank_image(8, 8, 1, 90)), "test");
  BOOST_CHECK(grey == lift::blank_image(8, 8, 3, 90));
}

BOOST_AUTO_TEST_CASE(cmyk_is_converted_as_pillow_does) {
  lift::image ink = lift::blank_image(8, 8, 4, 0);
  for (std::size_t i = 0; i < 64; ++i) ink.pixels[4 * i] = 255;  // c = 255, m = y = k = 0
  auto file = encode_jpeg(ink);
  // libjpeg marks CMYK files as Adobe's: a value counts the light left, so k = 0 is black.
  BOOST_CHECK(lift::decode_jpeg(file, "test") == lift::blank_image(8, 8, 3, 0));
  // Without the mark (its name spoiled) it is taken to be Adobe's all the same.
  const char mark[] = "Adobe";
  const auto found = std::search(file.begin(), file.end(), reinterpret_cast<const std::byte*>(mark),
                                 reinterpret_cast<const std::byte*>(mark) + 5);
  BOOST_REQUIRE(found != file.end());
  *found = std::byte{'a'};
  BOOST_CHECK(lift::decode_jpeg(file, "test") == lift::blank_image(8, 8, 3, 0));
}

BOOST_AUTO_TEST_CASE(exif_turns_the_picture) {
  const auto file = encode_jpeg(smooth(9, 5, 3));
  const lift::image plain = lift::decode_jpeg(file, "test");
  for (const unsigned orientation : {1u, 3u, 6u, 9u}) {
    // The mark APP1, its size, and what it is of. An orientation of 9 is none.
    const std::string mark = std::string(
                                 "\xff\xe1\0\x2a"
                                 "Exif\0\0",
                                 10) +
                             exif_data(orientation);
    auto with_exif = file;
    const auto bytes = std::as_bytes(std::span(mark));
    with_exif.insert(with_exif.begin() + 2, bytes.begin(), bytes.end());
    const int turned = orientation == 9 ? 1 : static_cast<int>(orientation);
    BOOST_CHECK(lift::decode_jpeg(with_exif, "test") == lift::upright(plain, turned));
  }
}

BOOST_AUTO_TEST_CASE(bad_files_are_refused_by_name_and_reason) {
  const auto decode = [](const std::vector<std::byte>& file) {
    return [&file] { lift::decode_jpeg(file, "x.jpg"); };
  };
  check_error(decode({}), "JPEG 'x.jpg': Empty input file");
  check_error(decode(std::vector<std::byte>(100)), "JPEG 'x.jpg': Not a JPEG file");
  check_error(decode(encode_jpeg(lift::blank_image(8200, 1, 1, 0))),
              "8200 × 1 pixels, 1 × 1 to 8192 × 8192 are read");
  check_error(decode(encode_jpeg(lift::blank_image(1, 8200, 1, 0))),
              "1 × 8200 pixels, 1 × 1 to 8192");
}

BOOST_AUTO_TEST_CASE(truncated_data_are_an_error_and_no_grey_filler) {
  for (const bool progressive : {false, true}) {
    const auto file = encode_jpeg(smooth(24, 24, 3), progressive);
    const auto decode = [](std::span<const std::byte> part) { lift::decode_jpeg(part, "part"); };
    BOOST_TEST(count_refused_truncations(file, decode) == file.size());
    const auto half = std::span(file).first(file.size() * 9 / 10);
    check_error([&] { lift::decode_jpeg(half, "x.jpg"); }, "JPEG 'x.jpg': Premature end");
  }
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_read_or_refused) {
  const auto file = encode_jpeg(smooth(16, 16, 3));
  const auto decode = [](std::span<const std::byte> changed) { lift::decode_jpeg(changed, "x"); };
  BOOST_TEST(count_refused_changes(file, decode) > 100u);
}

BOOST_AUTO_TEST_SUITE_END()
