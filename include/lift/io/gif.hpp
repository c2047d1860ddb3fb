// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gif_lib.h>

#include <lift/core/error.hpp>
#include <lift/io/image.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// giflib's object of one reading.
class gif_session {
 public:
  /// Reads the header; `what` names the file in messages.
  gif_session(std::span<const std::byte> data, const std::string& what) : what_(what), rest_(data) {
    int code = 0;
    gif_ = DGifOpen(this, read, &code);
    if (!gif_) fail(code);
  }
  gif_session(const gif_session&) = delete;
  gif_session& operator=(const gif_session&) = delete;
  ~gif_session() {
    int ignored = 0;
    DGifCloseFile(gif_, &ignored);
  }

  GifFileType* operator->() const { return gif_; }
  GifFileType* get() const { return gif_; }

  /// Throws "WHAT: REASON" if a call of giflib returned its error.
  void check(int status) const {
    if (status == GIF_ERROR) fail(gif_->Error);
  }

 private:
  [[noreturn]] void fail(int code) const {
    const char* reason = GifErrorString(code);
    throw error(text(what_, ": ",
                     truncated_ ? "the file is truncated"
                     : reason   ? reason
                                : "damaged"));
  }

  static int read(GifFileType* gif, GifByteType* out, int count) {
    auto& self = *static_cast<gif_session*>(gif->UserData);
    const std::size_t taken = std::min(static_cast<std::size_t>(count), self.rest_.size());
    std::memcpy(out, self.rest_.data(), taken);
    self.rest_ = self.rest_.subspan(taken);
    self.truncated_ = taken < static_cast<std::size_t>(count);
    return static_cast<int>(taken);
  }

  std::string what_;
  std::span<const std::byte> rest_;
  bool truncated_ = false;
  GifFileType* gif_ = nullptr;
};

/// Goes to the first frame of a GIF and returns the number of its transparent colour, −1 if none.
inline int find_first_frame(const gif_session& gif, const std::string& what) {
  int transparent = NO_TRANSPARENT_COLOR;
  while (true) {
    GifRecordType kind = UNDEFINED_RECORD_TYPE;
    gif.check(DGifGetRecordType(gif.get(), &kind));
    if (kind == IMAGE_DESC_RECORD_TYPE) break;
    if (kind == TERMINATE_RECORD_TYPE) throw error(text(what, ": there is no frame in it"));
    int code = 0;
    GifByteType* block = nullptr;  // its length, then its bytes
    gif.check(DGifGetExtension(gif.get(), &code, &block));
    while (block) {
      GraphicsControlBlock control{};
      if (code == GRAPHICS_EXT_FUNC_CODE &&
          DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
        transparent = control.TransparentColor;
      gif.check(DGifGetExtensionNext(gif.get(), &block));
    }
  }
  gif.check(DGifGetImageDesc(gif.get()));
  return transparent;
}

/// Decodes the first frame of a GIF to 8-bit RGB; transparent pixels and what the frame does not
/// cover are white. Throws lift::error naming `name` and the reason.
inline image decode_gif(std::span<const std::byte> data, const std::string& name) {
  const std::string what = "GIF " + quote_name(name);
  const gif_session gif(data, what);
  const int transparent = find_first_frame(gif, what);
  const GifImageDesc& frame = gif->Image;
  const ColorMapObject* colours = frame.ColorMap ? frame.ColorMap : gif->SColorMap;
  if (!colours) throw error(text(what, ": its first frame has no colours"));
  const auto left = static_cast<std::size_t>(frame.Left), top = static_cast<std::size_t>(frame.Top);
  const auto columns = static_cast<std::size_t>(frame.Width);
  const auto rows = static_cast<std::size_t>(frame.Height);
  check_image_size(what, columns, rows);
  const std::size_t width = std::max(static_cast<std::size_t>(gif->SWidth), left + columns);
  const std::size_t height = std::max(static_cast<std::size_t>(gif->SHeight), top + rows);
  check_image_size(what, width, height);

  image result = blank_image(width, height, 3, 255);
  std::vector<GifByteType> line(columns);
  const auto read_row = [&](std::size_t y) {
    gif.check(DGifGetLine(gif.get(), line.data(), frame.Width));
    std::uint8_t* out = result.pixels.data() + ((top + y) * width + left) * 3;
    for (const int index : line) {
      if (index != transparent) {
        if (index >= colours->ColorCount)
          throw error(text(what, ": colour ", index, " of ", colours->ColorCount));
        const GifColorType& colour = colours->Colors[index];
        out[0] = colour.Red;
        out[1] = colour.Green;
        out[2] = colour.Blue;
      }
      out += 3;
    }
  };
  using pass = std::pair<std::size_t, std::size_t>;  // its first row and its step
  const std::vector<pass> passes = frame.Interlace
                                       ? std::vector<pass>{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
                                       : std::vector<pass>{{0, 1}};
  for (const auto& [first, step] : passes)
    for (std::size_t y = first; y < rows; y += step) read_row(y);
  return result;
}

}  // namespace lift
