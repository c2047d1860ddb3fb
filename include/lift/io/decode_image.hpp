// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>
#include <lift/io/image.hpp>
#include <lift/io/jpeg.hpp>
#include <lift/io/png.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// Decodes a PNG or JPEG, told apart by their first bytes, to 8-bit RGB; throws lift::error
/// naming `name` and the reason.
inline image decode_image(std::span<const std::byte> data, const std::string& name) {
  const std::string_view bytes(reinterpret_cast<const char*>(data.data()), data.size());
  if (bytes.starts_with("\x89PNG")) return decode_png(data, name);
  if (bytes.starts_with("\xff\xd8")) return decode_jpeg(data, name);
  throw error(text("image ", quote_name(name), ": neither PNG nor JPEG"));
}

inline image read_image(const std::filesystem::path& file) {
  return decode_image(read_file(file), file.string());
}

}  // namespace lift
