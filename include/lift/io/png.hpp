// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <png.h>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>
#include <lift/io/image.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// Keyword → UTF-8 text of a PNG's text chunks; keywords are Latin letters, at most 79 bytes.
using image_text = std::map<std::string, std::string>;

/// libpng's two objects of one reading or writing, and its message when it fails. libpng leaves a
/// failed call by longjmp, so it is called through run() alone.
class png_session {
 public:
  enum class direction { read, write };

  explicit png_session(direction way) : way_(way) {
    png_ = way == direction::read
               ? png_create_read_struct(PNG_LIBPNG_VER_STRING, message_, fail, ignore)
               : png_create_write_struct(PNG_LIBPNG_VER_STRING, message_, fail, ignore);
    if (png_) info_ = png_create_info_struct(png_);
    if (!info_) {
      destroy();
      throw error("libpng cannot start: out of memory or of another version than its header");
    }
  }
  png_session(const png_session&) = delete;
  png_session& operator=(const png_session&) = delete;
  ~png_session() { destroy(); }

  png_structp png() const { return png_; }
  png_infop info() const { return info_; }

  /// Runs `body`, whose locals must need no destructor; throws "WHAT: REASON" if libpng fails.
  template <class Body>
  void run(const std::string& what, const Body& body) {
    if (!finishes(body)) throw error(text(what, ": ", message_));
  }

 private:
  template <class Body>
  bool finishes(const Body& body) {
    if (setjmp(png_jmpbuf(png_))) return false;
    body();
    return true;
  }

  static void fail(png_structp png, png_const_charp message) {
    std::snprintf(static_cast<char*>(png_get_error_ptr(png)), sizeof message_, "%s", message);
    png_longjmp(png, 1);
  }
  static void ignore(png_structp, png_const_charp) {}

  void destroy() {
    if (way_ == direction::read) {
      png_destroy_read_struct(&png_, &info_, nullptr);
    } else {
      png_destroy_write_struct(&png_, &info_);
    }
  }

  direction way_;
  char message_[128] = "";
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

/// Decodes a PNG of any kind to 8-bit RGB: 16 bits are rounded to 8, grey is repeated, transparent
/// pixels are laid on white. Fills `texts`, if given, from the text chunks before the pixels.
/// Throws lift::error naming `name` and the reason.
inline image decode_png(std::span<const std::byte> data, const std::string& name,
                        image_text* texts = nullptr) {
  const std::string what = "PNG " + quote_name(name);
  png_session session(png_session::direction::read);
  png_structp png = session.png();
  std::span<const std::byte> rest = data;
  png_uint_32 width = 0, height = 0;
  std::size_t row_bytes = 0;
  session.run(what, [&] {
    png_set_user_limits(png, max_image_side, max_image_side);
    png_set_chunk_cache_max(png, 128);
    png_set_chunk_malloc_max(png, 8'000'000);
    png_set_read_fn(png, &rest, [](png_structp from, png_bytep out, std::size_t count) {
      auto& left = *static_cast<std::span<const std::byte>*>(png_get_io_ptr(from));
      if (count > left.size()) png_error(from, "the file is truncated");
      std::memcpy(out, left.data(), count);
      left = left.subspan(count);
    });
    png_read_info(png, session.info());
    width = png_get_image_width(png, session.info());
    height = png_get_image_height(png, session.info());
    row_bytes = png_get_rowbytes(png, session.info());
    png_set_expand(png);  // palette, few-bit grey and transparent colours
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    png_set_interlace_handling(png);
    png_read_update_info(png, session.info());
  });
  // Deflate packs at most 1032 bytes into one: a small file cannot make us allocate a large image.
  if (row_bytes * height / 1032 > data.size()) throw error(text(what, ": the file is truncated"));

  image result = blank_image(width, height, 4, 0);
  std::vector<png_bytep> rows(height);
  for (std::size_t y = 0; y < height; ++y) rows[y] = result.pixels.data() + y * width * 4;
  session.run(what, [&] {
    png_read_image(png, rows.data());
    png_read_end(png, nullptr);
  });

  // RGBA → RGB on white, in place: (α·c + (255 − α)·255)/255, rounded.
  std::vector<std::uint8_t>& pixels = result.pixels;
  for (std::size_t i = 0; i < pixels.size() / 4; ++i) {
    const unsigned alpha = pixels[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned sum = alpha * pixels[4 * i + c] + (255 - alpha) * 255;
      pixels[3 * i + c] = static_cast<std::uint8_t>((sum + 127) / 255);
    }
  }
  result.channels = 3;
  pixels.resize(pixels.size() / 4 * 3);

  png_textp chunks = nullptr;
  const int count = texts ? png_get_text(png, session.info(), &chunks, nullptr) : 0;
  for (int i = 0; i < count; ++i)
    texts->emplace(chunks[i].key, chunks[i].text ? chunks[i].text : "");
  return result;
}

/// Encodes a grey (1 channel) or RGB image as PNG; equal input gives equal bytes.
inline std::vector<std::byte> encode_png(const image& picture, const image_text& texts = {}) {
  const std::size_t row_bytes = picture.width * picture.channels;
  require(picture.channels == 1 || picture.channels == 3, "channels of a PNG", picture.channels,
          "1 or 3");
  require(picture.width > 0 && picture.height > 0, "pixels of a PNG",
          picture.width * picture.height, "at least 1");
  require(picture.pixels.size() == row_bytes * picture.height, "bytes of an image",
          picture.pixels.size(), row_bytes * picture.height);

  const auto ascii = [](const std::string& s) {
    return std::all_of(s.begin(), s.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 128; });
  };
  std::vector<png_text_struct> chunks;
  for (const auto& [keyword, value] : texts) {
    require(!keyword.empty() && keyword.size() <= 79 && ascii(keyword), "keyword of a PNG text",
            quote_name(keyword), "1 to 79 ASCII characters");
    png_text_struct& chunk = chunks.emplace_back();
    chunk = {};
    chunk.compression = ascii(value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    chunk.key = const_cast<char*>(keyword.c_str());
    chunk.text = const_cast<char*>(value.c_str());
    chunk.text_length = value.size();
  }

  std::vector<std::byte> encoded;
  std::vector<png_const_bytep> rows(picture.height);
  for (std::size_t y = 0; y < picture.height; ++y) rows[y] = picture.pixels.data() + y * row_bytes;
  png_session session(png_session::direction::write);
  png_structp png = session.png();
  session.run("PNG encoding", [&] {
    png_set_write_fn(
        png, &encoded,
        [](png_structp to, png_bytep data, std::size_t count) {
          bool enough = true;  // an exception must not cross libpng
          try {
            const auto bytes = std::as_bytes(std::span(data, count));
            auto& out = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(to));
            out.insert(out.end(), bytes.begin(), bytes.end());
          } catch (...) {
            enough = false;
          }
          if (!enough) png_error(to, "out of memory");
        },
        nullptr);
    png_set_IHDR(png, session.info(), static_cast<png_uint_32>(picture.width),
                 static_cast<png_uint_32>(picture.height), 8,
                 picture.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(png, session.info(), chunks.data(), static_cast<int>(chunks.size()));
    png_write_info(png, session.info());
    png_write_image(png, const_cast<png_bytepp>(rows.data()));
    png_write_end(png, nullptr);
  });
  return encoded;
}

/// Writes a PNG, whole or not at all.
inline void write_png(output_file file, const image& picture, const image_text& texts = {}) {
  atomic_write(std::move(file), encode_png(picture, texts), durability::cached);
}

}  // namespace lift
