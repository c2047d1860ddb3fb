// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <vector>

#include <ft2build.h>
#include FT_FREETYPE_H

#include <lift/core/digits.hpp>
#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/io/file.hpp>
#include <lift/io/image.hpp>
#include <lift/io/resize.hpp>

namespace lift {

/// The font of Debian's package fonts-noto-color-emoji.
inline constexpr const char* default_emoji_font =
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf";

/// A font of colour bitmaps (CBDT), opened with FreeType.
class emoji_font {
 public:
  explicit emoji_font(const std::filesystem::path& file) {
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown)) {
      throw error(text("no font ", file.string(), ": sudo apt-get install fonts-noto-color-emoji"));
    }
    const auto refuse = [&] {
      throw error(text("font ", file.string(), " holds no colour bitmaps"));
    };
    FT_Library library = nullptr;
    if (FT_Init_FreeType(&library) != 0) throw error("FreeType cannot start");
    library_.reset(library);
    FT_Face face = nullptr;
    if (FT_New_Face(library, file.c_str(), 0, &face) != 0) refuse();
    face_.reset(face);
    if (!FT_HAS_COLOR(face) || face->num_fixed_sizes == 0 || FT_Select_Size(face, 0) != 0) refuse();

    FT_UInt glyph = 0;
    for (FT_ULong code = FT_Get_First_Char(face, &glyph); glyph != 0;
         code = FT_Get_Next_Char(face, code, &glyph)) {
      codes_.emplace(glyph, code);
    }
  }

  std::size_t glyphs() const { return static_cast<std::size_t>(face_->num_glyphs); }

  /// "glyph_00042.png", or "glyph_00042_u1f600.png" if the glyph shows one code point by itself.
  std::string name(std::size_t glyph) const {
    const std::string number = "glyph_" + decimal(glyph, 5);
    const auto code = codes_.find(static_cast<FT_UInt>(glyph));
    return number + (code == codes_.end() ? "" : "_u" + hexadecimal(code->second)) + ".png";
  }

  /// The glyph centred on a white square; an empty image where it has no colour bitmap.
  image render(std::size_t glyph) const {
    if (FT_Load_Glyph(face_.get(), static_cast<FT_UInt>(glyph), FT_LOAD_COLOR) != 0) return {};
    const FT_Bitmap& bitmap = face_->glyph->bitmap;
    if (bitmap.pixel_mode != FT_PIXEL_MODE_BGRA || bitmap.rows == 0 || bitmap.width == 0) return {};
    const std::size_t width = bitmap.width, height = bitmap.rows, side = std::max(width, height);
    const std::size_t left = (side - width) / 2, top = (side - height) / 2;
    image result = blank_image(side, side, 3, 255);
    for (std::size_t y = 0; y < height; ++y) {
      const unsigned char* source = bitmap.buffer + static_cast<std::ptrdiff_t>(y) * bitmap.pitch;
      std::uint8_t* target = result.pixels.data() + ((y + top) * side + left) * 3;
      for (std::size_t x = 0; x < width; ++x, source += 4, target += 3) {
        // BGRA with α already multiplied in: c + (255 − α) is the colour on white.
        for (std::size_t c = 0; c < 3; ++c) {
          target[c] = static_cast<std::uint8_t>(std::min(source[2 - c] + 255 - source[3], 255));
        }
      }
    }
    return result;
  }

 private:
  struct library_closer {
    void operator()(FT_Library library) const { FT_Done_FreeType(library); }
  };
  struct face_closer {
    void operator()(FT_Face face) const { FT_Done_Face(face); }
  };

  std::unique_ptr<FT_LibraryRec_, library_closer> library_;
  std::unique_ptr<FT_FaceRec_, face_closer> face_;
  std::map<FT_UInt, FT_ULong> codes_;
};

/// A square picture resized to fit into `size`, in the middle of white.
inline image fit_on_white(const image& square, const image_size& size) {
  const std::size_t side = std::min(size.width, size.height);
  const image fitting = resize(square, side, side);
  image result = blank_image(size.width, size.height, fitting.channels, 255);
  const std::size_t left = (size.width - side) / 2, top = (size.height - side) / 2;
  for (std::size_t y = 0; y < side; ++y)
    std::copy_n(fitting.pixels.data() + y * side * fitting.channels, side * fitting.channels,
                result.pixels.data() + ((top + y) * size.width + left) * fitting.channels);
  return result;
}

/// The colour glyphs of a font on white in the middle of an image of that size, the first `most` or
/// all, in the order of the glyphs and without empty or repeated pictures. Noto Color Emoji gives
/// about 3,900.
inline std::vector<named_image> render_emoji(
    const image_size& size, const std::filesystem::path& file = default_emoji_font,
    std::size_t most = std::numeric_limits<std::size_t>::max()) {
  const emoji_font font(file);
  std::vector<named_image> images;
  std::unordered_set<std::size_t> seen;  // 64-bit hashes: two of 4,000 meet once in 10¹² fonts
  for (std::size_t glyph = 0; glyph < font.glyphs() && images.size() < most; ++glyph) {
    stoppable::check();
    const image picture = font.render(glyph);
    const auto [low, high] = std::minmax_element(picture.pixels.begin(), picture.pixels.end());
    if (picture.pixels.empty() || *low == *high) continue;
    const std::string_view bytes(reinterpret_cast<const char*>(picture.pixels.data()),
                                 picture.pixels.size());
    if (!seen.insert(std::hash<std::string_view>{}(bytes)).second) continue;
    images.push_back({font.name(glyph), fit_on_white(picture, size)});
  }
  return images;
}

}  // namespace lift
