// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include <lift/core/error.hpp>
#include <lift/io/bmp.hpp>
#include <lift/io/file.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/gif.hpp>
#include <lift/io/image.hpp>
#include <lift/io/jpeg.hpp>
#include <lift/io/png.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/webp.hpp>

namespace lift {

/// Decodes a PNG, JPEG, WebP, BMP or GIF, told apart by their first bytes, to 8-bit RGB, upright;
/// throws lift::error naming `name` and the reason.
inline image decode_image(std::span<const std::byte> data, const std::string& name) {
  const file_content content = content_of(data);
  switch (content.kind) {
    case file_kind::png:
      return decode_png(data, name);
    case file_kind::jpeg:
      return decode_jpeg(data, name);
    case file_kind::webp:
      return decode_webp(data, name);
    case file_kind::bmp:
      return decode_bmp(data, name);
    case file_kind::gif:
      return decode_gif(data, name);
    default:
      throw error(text("image ", quote_name(name), ": the file is ", content.name, ", want ",
                       image_formats));
  }
}

inline image read_image(const std::filesystem::path& file) {
  return decode_image(read_file(file), file.string());
}

}  // namespace lift
