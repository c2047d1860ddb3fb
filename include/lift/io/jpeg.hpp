// SPDX-License-Identifier: MIT
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // jpeglib.h uses FILE and size_t without including them
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include <jpeglib.h>
#include <jerror.h>

#include <lift/core/error.hpp>
#include <lift/io/exif.hpp>
#include <lift/io/image.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// libjpeg's object of one reading, and its message when it fails. A failed call is left by
/// longjmp, so libjpeg is called through run() alone.
class jpeg_session {
 public:
  jpeg_session() {
    decompress_.err = jpeg_std_error(&failure_.manager);
    failure_.manager.error_exit = fail;
    failure_.manager.emit_message = judge_warning;
    progress_.progress_monitor = limit_scans;
  }
  jpeg_session(const jpeg_session&) = delete;
  jpeg_session& operator=(const jpeg_session&) = delete;
  ~jpeg_session() { jpeg_destroy_decompress(&decompress_); }

  jpeg_decompress_struct* operator->() { return &decompress_; }
  jpeg_decompress_struct* get() { return &decompress_; }

  /// Opens the reading of `data`; part of run().
  void open(std::span<const std::byte> data) {
    jpeg_create_decompress(&decompress_);
    jpeg_save_markers(&decompress_, JPEG_APP0 + 1, 0xffff);  // EXIF
    decompress_.progress = &progress_;
    jpeg_mem_src(&decompress_, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  }

  /// The orientation that the header's EXIF data give, 1 … 8; 1 if there are none.
  int orientation() const {
    for (auto marker = decompress_.marker_list; marker; marker = marker->next) {
      const auto exif = std::as_bytes(std::span(marker->data, marker->data_length));
      if (exif.size() > 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0)
        return exif_orientation(exif);
    }
    return 1;
  }

  /// Runs `body`, whose locals must need no destructor; throws "WHAT: REASON" if libjpeg fails.
  template <class Body>
  void run(const std::string& what, const Body& body) {
    if (!finishes(body)) throw error(text(what, ": ", failure_.message));
  }

 private:
  struct failure {
    jpeg_error_mgr manager;  // first, so that libjpeg's pointer to it points to the whole
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
  };

  template <class Body>
  bool finishes(const Body& body) {
    if (setjmp(failure_.jump)) return false;
    body();
    return true;
  }

  static failure* failure_of(j_common_ptr from) { return reinterpret_cast<failure*>(from->err); }

  static void fail(j_common_ptr from) {
    from->err->format_message(from, failure_of(from)->message);
    std::longjmp(failure_of(from)->jump, 1);
  }

  // libjpeg fills what is missing or damaged with grey and only warns: that is a failure here.
  static void judge_warning(j_common_ptr from, int level) {
    switch (from->err->msg_code) {
      case JWRN_ADOBE_XFORM:
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_JFIF_MAJOR:
        return;  // the pixels are whole
      default:
        if (level < 0) fail(from);
    }
  }

  // A small file of thousands of progressive scans would decode for hours.
  static void limit_scans(j_common_ptr from) {
    if (reinterpret_cast<j_decompress_ptr>(from)->input_scan_number <= 500) return;
    std::snprintf(failure_of(from)->message, JMSG_LENGTH_MAX, "more than 500 scans");
    std::longjmp(failure_of(from)->jump, 1);
  }

  jpeg_decompress_struct decompress_{};
  jpeg_progress_mgr progress_{};
  failure failure_{};
};

/// Decodes a JPEG to 8-bit RGB, upright; grey is repeated, CMYK is converted as Pillow does,
/// without a colour profile. Throws lift::error naming `name` and the reason, also if the data are
/// truncated.
inline image decode_jpeg(std::span<const std::byte> data, const std::string& name) {
  const std::string what = "JPEG " + quote_name(name);
  jpeg_session session;
  bool four = false;
  int orientation = 1;
  session.run(what, [&] {
    session.open(data);
    jpeg_read_header(session.get(), TRUE);
    four = session->num_components == 4;
    session->out_color_space = four ? JCS_CMYK : JCS_RGB;
    orientation = session.orientation();
  });
  const std::size_t width = session->image_width, height = session->image_height;
  check_image_size(what, width, height);

  const std::size_t channels = four ? 4 : 3;
  image result = blank_image(width, height, channels, 0);
  std::vector<std::uint8_t>& pixels = result.pixels;
  session.run(what, [&] {
    jpeg_start_decompress(session.get());
    while (session->output_scanline < height) {
      JSAMPROW row = pixels.data() + session->output_scanline * width * channels;
      jpeg_read_scanlines(session.get(), &row, 1);
    }
    jpeg_finish_decompress(session.get());
  });
  if (!four) return upright(std::move(result), orientation);

  // CMYK → RGB in place: (255 − c)(255 − k)/255, where the file holds 255 − c and so on, as Adobe's
  // do and Pillow takes all others to do.
  for (std::size_t i = 0; i < width * height; ++i) {
    const unsigned light = pixels[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c)
      pixels[3 * i + c] = static_cast<std::uint8_t>((pixels[4 * i + c] * light + 127) / 255);
  }
  result.channels = 3;
  pixels.resize(width * height * 3);
  return upright(std::move(result), orientation);
}

}  // namespace lift
