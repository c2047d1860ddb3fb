// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <webp/decode.h>
#include <webp/demux.h>

#include <lift/core/error.hpp>
#include <lift/io/exif.hpp>
#include <lift/io/image.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// Decodes a WebP, or the first frame of an animated one, to 8-bit RGB, upright; transparent pixels
/// are laid on white. Throws lift::error naming `name` and the reason.
inline image decode_webp(std::span<const std::byte> data, const std::string& name) {
  const std::string what = "WebP " + quote_name(name);
  const WebPData file{reinterpret_cast<const std::uint8_t*>(data.data()), data.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> parts(WebPDemux(&file),
                                                                       WebPDemuxDelete);
  if (!parts) throw error(text(what, ": the file is damaged or truncated"));
  const std::size_t width = WebPDemuxGetI(parts.get(), WEBP_FF_CANVAS_WIDTH);
  const std::size_t height = WebPDemuxGetI(parts.get(), WEBP_FF_CANVAS_HEIGHT);
  check_image_size(what, width, height);

  image result = blank_image(width, height, 4, 0);
  WebPIterator frame{};
  bool decoded = false;
  if (WebPDemuxGetFrame(parts.get(), 1, &frame)) {
    const auto x = static_cast<std::size_t>(frame.x_offset);
    const auto y = static_cast<std::size_t>(frame.y_offset);
    const std::size_t start = (y * width + x) * 4;
    // libwebp itself sees to it that the frame fits what is left of the rows and of the pixels.
    decoded =
        x + static_cast<std::size_t>(frame.width) <= width && start < result.pixels.size() &&
        WebPDecodeRGBAInto(frame.fragment.bytes, frame.fragment.size, result.pixels.data() + start,
                           result.pixels.size() - start, static_cast<int>(4 * width));
    WebPDemuxReleaseIterator(&frame);
  }
  if (!decoded) throw error(text(what, ": its pixels are damaged or truncated"));

  int orientation = 1;
  WebPChunkIterator chunk{};
  if (WebPDemuxGetChunk(parts.get(), "EXIF", 1, &chunk)) {
    orientation = exif_orientation(std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size)));
    WebPDemuxReleaseChunkIterator(&chunk);
  }
  return upright(on_white(std::move(result)), orientation);
}

}  // namespace lift
