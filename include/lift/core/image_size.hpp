// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <lift/core/error.hpp>
#include <lift/core/shape.hpp>

namespace lift {

/// The sides of an image in pixels; one number is both sides of a square.
struct image_size {
  std::size_t width, height;

  constexpr image_size(std::size_t side = 0) : image_size(side, side) {}
  constexpr image_size(std::size_t width_, std::size_t height_) : width(width_), height(height_) {}

  constexpr bool is_square() const { return width == height; }
  friend constexpr bool operator==(const image_size&, const image_size&) = default;

  /// "64" of a square, else width and height, "64x48".
  friend std::string to_text(const image_size& size) {
    const std::string first = std::to_string(size.width);
    return size.is_square() ? first : first + "x" + std::to_string(size.height);
  }
  template <class Traits>
  friend auto& operator<<(std::basic_ostream<char, Traits>& out, const image_size& size) {
    return out << to_text(size);
  }
  /// The same in JSON, a square's as a number.
  template <class Json>
  friend void to_json(Json& to, const image_size& size) {
    if (size.is_square())
      to = size.width;
    else
      to = to_text(size);
  }
};

/// The sides of images (…, H, W).
inline image_size size_of_images(const shape& images) {
  require(images.rank() >= 2, "shape of images", images, "(B, C, H, W)");
  return {images[images.rank() - 1], images[images.rank() - 2]};
}

/// What to_text writes of sides, or "64x64"; nothing of another text.
inline std::optional<image_size> read_image_size(std::string_view text) {
  const auto number = [](std::string_view digits) {
    std::size_t result = 0;
    const char* const last = digits.data() + digits.size();
    const auto [end, problem] = std::from_chars(digits.data(), last, result);
    return problem == std::errc() && end == last ? std::optional(result) : std::nullopt;
  };
  const std::size_t x = text.find('x');
  const auto width = number(text.substr(0, x));
  const auto height = x == text.npos ? width : number(text.substr(x + 1));
  if (!width || !height) return std::nullopt;
  return image_size(*width, *height);
}

/// Throws lift::error, saying which side, unless both are multiples of `factor` and not 0.
inline void require_multiple(const std::string& what, const image_size& size, std::size_t factor) {
  const bool width = size.width > 0 && size.width % factor == 0;
  const bool height = size.height > 0 && size.height % factor == 0;
  const char* const want = size.is_square() ? "a multiple of "
                           : width          ? "a height that is a multiple of "
                           : height         ? "a width that is a multiple of "
                                            : "sides that are multiples of ";
  require(width && height, what, size, text(want, factor));
}

}  // namespace lift
