// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/io/file.hpp>

namespace lift {

/// Images come first.
enum class file_kind { png, jpeg, webp, bmp, gif, archive, image_index, json, other };

/// The kinds of images that are read, as a message names them.
inline constexpr std::string_view image_formats = "PNG, JPEG, WebP, BMP or GIF";

/// What a file holds: its kind, and a name for a message, such as "PNG" or "an HTML page".
struct file_content {
  file_kind kind = file_kind::other;
  std::string_view name;

  bool is_image() const { return kind < file_kind::archive; }
};

/// A text with A … Z as a … z, in every locale.
inline std::string in_small_letters(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// What a file holds by its first bytes, of which 512 are enough; its name plays no part.
inline file_content content_of(std::span<const std::byte> bytes) {
  using namespace std::string_view_literals;
  using enum file_kind;
  struct signature {
    file_content content;
    std::string_view pattern;  // '?' stands for any byte
    std::size_t offset = 0;
  };
  static constexpr signature signatures[] = {
      {{png, "PNG"}, "\x89PNG"},
      {{jpeg, "JPEG"}, "\xff\xd8\xff"},
      {{webp, "WebP"}, "RIFF????WEBP"},
      {{bmp, "BMP"}, "BM?????????????\0\0\0"sv},  // two letters alone could begin anything
      {{gif, "GIF"}, "GIF87a"},
      {{gif, "GIF"}, "GIF89a"},
      {{image_index, "an image index"}, "PK\x03\x04??????????????????????????image_index.npy"},
      {{archive, "a zip archive"}, "PK\x03\x04"},
      {{archive, "an empty zip archive"}, "PK\x05\x06"},
      {{archive, "a tar archive"}, "ustar", 257},
      {{archive, "gzip data"}, "\x1f\x8b\x08"},
      {{archive, "xz data"},
       "\xfd"
       "7zXZ\0"sv},
      {{archive, "bzip2 data"}, "BZh?\x31\x41\x59\x26\x53\x59"},
      {{archive, "zstd data"}, "\x28\xb5\x2f\xfd"},
      {{other, "a TIFF image"}, "II*\0"sv},
      {{other, "a TIFF image"}, "MM\0*"sv},
      {{other, "an AVIF image"}, "ftypavi", 4},
      {{other, "a HEIC image"}, "ftyphe", 4},
      {{other, "a HEIC image"}, "ftypmif1", 4},
      {{other, "an MP4 video"}, "ftyp", 4},
      {{other, "a JPEG XL image"}, "\xff\x0a"},
      {{other, "a JPEG XL image"}, "JXL ", 4},
      {{other, "a JPEG 2000 image"}, "jP  ", 4},
      {{other, "a Photoshop image"}, "8BPS"},
      {{other, "a PDF document"}, "%PDF-"},
      {{other, "a 7-Zip archive"}, "7z\xbc\xaf\x27\x1c"},
      {{other, "a RAR archive"}, "Rar!"},
      {{other, "a Python pickle"}, "\x80\x02"},
      {{other, "a Python pickle"}, "\x80\x03"},
      {{other, "a Python pickle"}, "\x80\x04"},
      {{other, "a Python pickle"}, "\x80\x05"},
      {{other, "an array of NumPy"}, "\x93NUMPY"},
      {{other, "an HDF5 file"}, "\x89HDF\r\n"},
      {{other, "a Git LFS pointer, not the file itself"}, "version https://git-lfs"},
  };
  // The beginnings of texts, in small letters; no text holds a zero byte, and all weights do.
  static constexpr signature texts[] = {
      {{other, "an HTML page"}, "<!doctype html"},
      {{other, "an HTML page"}, "<html"},
      {{other, "an SVG drawing"}, "<svg"},
      {{other, "an XML file"}, "<?xml"},
      {{json, "a JSON file"}, "{"},
  };

  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<std::size_t>(bytes.size(), 512));
  const auto begins = [](std::string_view text, std::string_view pattern) {
    return text.size() >= pattern.size() &&
           std::equal(pattern.begin(), pattern.end(), text.begin(),
                      [](char want, char got) { return want == '?' || want == got; });
  };
  if (head.empty()) return {other, "an empty file"};
  for (const auto& [content, pattern, offset] : signatures)
    if (head.size() > offset && begins(head.substr(offset), pattern)) return content;

  if (head.find('\0') == head.npos) {
    std::string text(head.substr(head.starts_with("\xef\xbb\xbf") ? 3 : 0));
    text.erase(0, text.find_first_not_of(" \t\r\n"));
    text = in_small_letters(std::move(text));
    for (const auto& [content, pattern, offset] : texts)
      if (begins(text, pattern)) return content;
  }
  const bool zeros = head.find_first_not_of('\0') == head.npos;
  return {other, zeros ? "of zero bytes alone" : "of an unknown kind"};
}

/// What a file holds by its first bytes.
inline file_content content_of(const std::filesystem::path& file) {
  input_file input(file);
  std::vector<std::byte> head(std::min<std::uint64_t>(input.size(), 512));
  input.read(head);
  return content_of(head);
}

/// Whether a path is a file of images, an archive or an index of them, by its first bytes.
inline bool holds_images(const std::filesystem::path& file) {
  std::error_code unknown;  // then it is none
  if (!std::filesystem::is_regular_file(file, unknown)) return false;
  const file_kind kind = content_of(file).kind;
  return kind == file_kind::archive || kind == file_kind::image_index;
}

}  // namespace lift
