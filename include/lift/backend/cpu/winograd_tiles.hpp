// SPDX-License-Identifier: MIT
#pragma once

// Images and kernels to and from Winograd's domain, a vector of channels at a time.

#include <algorithm>
#include <array>
#include <cstddef>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/cpu/panel_product.hpp>
#include <lift/backend/cpu/winograd.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/ceil_div.hpp>

namespace lift::detail {

/// Images (B, C, H, W) cut into tiles of 4×4 pixels, numbered row by row; the last row and column
/// of tiles may reach over the edge.
struct tiling {
  std::size_t images, channels, height, width;

  std::size_t columns() const { return ceil_div(width, 4); }
  std::size_t rows_of_image() const { return ceil_div(height, 4); }
  std::size_t rows() const { return images * rows_of_image(); }
  std::size_t tiles() const { return rows() * columns(); }

  /// Rows of tiles of which so many channels in Winograd's domain take so many bytes, at least one.
  template <class T>
  std::size_t rows_within(std::size_t bytes, std::size_t of_channels) const {
    const std::size_t row = winograd_points * sizeof(T) * of_channels * columns();
    return std::max<std::size_t>(1, bytes / row);
  }
};

/// Tiles in Winograd's domain: 36 matrices (tiles, channels), row-major.
template <class T>
struct transformed_tiles {
  T* data;
  std::size_t row;  // channels, rounded up to whole vectors
  std::size_t matrix;  // elements from one of the 36 to the next

  T* operator()(std::size_t point, std::size_t tile, std::size_t channel) const {
    return data + point * matrix + tile * row + channel;
  }
  std::size_t tiles() const { return (matrix - lanes<T>) / row; }
  /// Elements of n tiles of so many channels; the odd vector spreads the 36 over the cache's sets.
  static std::size_t size(std::size_t tiles, std::size_t channels) {
    return winograd_points * transformed_tiles(nullptr, tiles, channels).matrix;
  }
  transformed_tiles(T* to, std::size_t tiles, std::size_t channels)
      : data(to), row(round_up(channels, lanes<T>)),
        matrix(tiles * row + lanes<T>) {}
};

/// Calls body(image, y, height, tile) for rows of tiles [first, last): pixel rows y … y + height − 1
/// of an image, and the number of the row's first tile, counted from row `first` on.
template <class Body>
void for_each_tile_row(const tiling& tiles, std::size_t first, std::size_t last, const Body& body) {
  for (std::size_t row = first; row < last; ++row) {
    const std::size_t y = 4 * (row % tiles.rows_of_image());
    body(row / tiles.rows_of_image(), y, std::min<std::size_t>(4, tiles.height - y),
         (row - first) * tiles.columns());
  }
}

/// Steps through pixels of rows of `width` pixels, which lie `pitch` pixels apart, a vector of
/// channels for each.
template <class T>
class pixel_cursor {
 public:
  pixel_cursor(T* rows, std::size_t width, std::size_t pitch, std::size_t pixel)
      : at_(rows + (pixel / width * pitch + pixel % width) * lanes<T>), left_(width - pixel % width),
        width_(width), gap_((pitch - width) * lanes<T>) {}

  /// The next pixel.
  T* operator()() {
    T* const here = at_;
    at_ += lanes<T>;
    if (--left_ == 0) {
      left_ = width_;
      at_ += gap_;
    }
    return here;
  }

 private:
  T* at_;
  std::size_t left_, width_, gap_;
};

/// Copies a run of pixels of `valid` channels, `plane` elements apart, to where cursor(pixel) steps,
/// a vector of channels for each; the channels beyond are zeros, or left alone where a run is short
/// of a vector.
template <class T, class Cursor>
void gather_channels(const T* source, std::size_t plane, std::size_t valid, std::size_t pixels,
                     const Cursor& cursor) {
  using batch = xsimd::batch<T>;
  constexpr std::size_t n = lanes<T>;
  if (pixels < n) {
    auto next = cursor(0);
    for (std::size_t p = 0; p < pixels; ++p) {
      T* const to = next();
      for (std::size_t c = 0; c < valid; ++c) to[c] = source[c * plane + p];
    }
    return;
  }
  for (std::size_t p = 0; p < pixels; p += n) {
    const std::size_t at = std::min(p, pixels - n);
    block<T> x;
    for (std::size_t c = 0; c < n; ++c)
      x[c] = c < valid ? batch::load_unaligned(source + c * plane + at) : batch(T(0));
    transpose<T>(x);
    auto next = cursor(at);
    for (std::size_t i = 0; i < n; ++i) x[i].store_unaligned(next());
  }
}

/// The other way round: copies a run of pixels from where cursor(pixel) steps, adds those that
/// `addend` has at the target's places, unless it is null, and keeps max(x, 0) of the sums x if they
/// are to be rectified.
template <class T, class Cursor>
void scatter_channels(const Cursor& cursor, std::size_t plane, std::size_t valid,
                      std::size_t pixels, const T* addend, bool rectify, T* target) {
  using batch = xsimd::batch<T>;
  constexpr std::size_t n = lanes<T>;
  if (pixels < n) {
    auto next = cursor(0);
    for (std::size_t p = 0; p < pixels; ++p) {
      const T* const from = next();
      for (std::size_t c = 0; c < valid; ++c) {
        const T sum = from[c] + (addend ? addend[c * plane + p] : T(0));
        target[c * plane + p] = rectify && sum < T(0) ? T(0) : sum;
      }
    }
    return;
  }
  for (std::size_t p = 0; p < pixels; p += n) {
    const std::size_t at = std::min(p, pixels - n);
    block<T> x;
    auto next = cursor(at);
    for (std::size_t i = 0; i < n; ++i) x[i] = batch::load_unaligned(next());
    transpose<T>(x);
    // All loads first: planes are often whole pages, and a load waits for a store to its own place of
    // another page.
    if (addend)
      for (std::size_t c = 0; c < valid; ++c)
        x[c] += batch::load_unaligned(addend + c * plane + at);
    if (rectify)
      for (std::size_t c = 0; c < valid; ++c)
        x[c] = xsimd::select(x[c] < batch(T(0)), batch(T(0)), x[c]);
    for (std::size_t c = 0; c < valid; ++c) x[c].store_unaligned(target + c * plane + at);
  }
}

/// Reads `rows` rows of pixels of a vector of channels, from row `top` and column −margin on, into
/// z (rows, z_width, lanes), with zeros around the image and in the channels beyond the last.
template <class T>
void read_rows(const tiling& from, const T* image, std::size_t channel, std::ptrdiff_t top,
               std::size_t rows, std::size_t margin, std::size_t z_width, T* z) {
  constexpr std::size_t n = lanes<T>;
  const auto height = static_cast<std::ptrdiff_t>(from.height);
  const auto first = std::clamp<std::ptrdiff_t>(top, 0, height);
  const auto last = std::clamp(top + static_cast<std::ptrdiff_t>(rows), first, height);
  const std::size_t plane = from.height * from.width, width = from.width;
  const std::size_t valid = std::min(n, from.channels - channel);
  const T* const source = image + channel * plane + static_cast<std::size_t>(first) * width;
  T* const target = z + (static_cast<std::size_t>(first - top) * z_width + margin) * n;
  const std::size_t pixels = static_cast<std::size_t>(last - first) * width;
  // All but the pixels is zero.
  const auto above = static_cast<std::size_t>(first - top);
  const std::size_t inside = pixels < n ? 0 : pixels / width;  // rows that are written below
  std::fill_n(z, above * z_width * n, T(0));
  for (std::size_t r = above; r < above + inside; ++r) {
    std::fill_n(z + r * z_width * n, margin * n, T(0));
    std::fill_n(z + (r * z_width + margin + width) * n, (z_width - margin - width) * n, T(0));
  }
  std::fill_n(z + (above + inside) * z_width * n, (rows - above - inside) * z_width * n, T(0));
  gather_channels(source, plane, valid, pixels, [&](std::size_t pixel) {
    return pixel_cursor<T>(target, width, z_width, pixel);
  });
}

/// Elements of a row of tiles' pixels with those around them, a vector of channels for each.
template <class T>
std::size_t tile_row_size(const tiling& tiles) {
  return 6 * (4 * tiles.columns() + 2) * lanes<T>;
}

/// Transforms a row of tiles, a vector of channels, by F: z are its pixels as read_rows gives them.
template <class F, class T>
void transform_tile_row(const tiling& tiles, const T* z, const transformed_tiles<T>& to,
                        std::size_t to_tile, std::size_t channel) {
  using batch = xsimd::batch<T>;
  constexpr std::size_t n = lanes<T>;
  const std::size_t z_width = 4 * tiles.columns() + F::inputs - 4;
  for (std::size_t x = 0; x < tiles.columns(); ++x) {
    const T* const corner = z + 4 * x * n;
    winograd_transform<F, batch>(
        [&](std::size_t i, std::size_t j) {
          return batch::load_unaligned(corner + (i * z_width + j) * n);
        },
        strided_store<T>{to(0, to_tile + x, channel), to.matrix});
  }
}

/// Transforms rows of tiles [first, last) of `tiles`, a vector of channels, by F. The inputs of a
/// tile start `margin` pixels above and left of it; `from` are the images they are read from. The
/// first tile becomes tile 0 of `to`.
template <class F, class T>
void transform_tile_rows(const tiling& tiles, const tiling& from, const T* image,
                         extent2d margin, std::size_t first, std::size_t last,
                         std::size_t channel, const transformed_tiles<T>& to) {
  const scratch<T> z(tile_row_size<T>(tiles));
  for_each_tile_row(tiles, first, last, [&](std::size_t b, std::size_t y, std::size_t,
                                            std::size_t tile) {
    read_rows(from, image + b * from.channels * from.height * from.width, channel,
              static_cast<std::ptrdiff_t>(y) - static_cast<std::ptrdiff_t>(margin.height),
              F::inputs, margin.width, 4 * tiles.columns() + F::inputs - 4, z.data());
    transform_tile_row<F>(tiles, z.data(), to, tile, channel);
  });
}

/// numbers[first], … as a vector, zeros behind the first `count` and for a null pointer.
template <class T>
xsimd::batch<T> load_offsets(const T* numbers, std::size_t first, std::size_t count) {
  alignas(64) std::array<T, lanes<T>> offsets{};
  if (numbers) std::copy_n(numbers + first, count, offsets.begin());
  return xsimd::batch<T>::load_aligned(offsets.data());
}

/// Writes the 4×4 results of a tile plus an offset, for a vector of channels from `channel` of `from`
/// on, to pixels `step` elements apart in rows `pitch` elements apart.
template <class T>
void restore_tile(const transformed_tiles<T>& from, std::size_t tile, std::size_t channel,
                  const xsimd::batch<T>& offset, T* to, std::size_t step, std::size_t pitch) {
  using batch = xsimd::batch<T>;
  // The points row by row are the columns of the transposed tile.
  winograd_transform<winograd_output, batch>(
      strided_load<batch>{from(0, tile, channel), from.matrix},
      [&](std::size_t j, std::size_t i, const batch& v) {
        (v + offset).store_unaligned(to + i * pitch + j * step);
      });
}

/// Brings rows of tiles [first, last) of a vector of channels back to images (B, C, H, W) and adds
/// the epilogue. Channel `channel` of the images is channel `from_channel` of `from`, whose tile 0
/// is the first tile of row `first`.
template <class T>
void restore_tile_rows(const tiling& tiles, std::size_t first, std::size_t last,
                       const transformed_tiles<T>& from, std::size_t from_channel,
                       std::size_t channel, const convolution_epilogue<T>& epilogue, T* image) {
  constexpr std::size_t n = lanes<T>;
  const std::size_t valid = std::min(n, tiles.channels - channel);
  const std::size_t plane = tiles.height * tiles.width, pitch = 4 * tiles.columns();
  const scratch<T> z(tile_row_size<T>(tiles));
  const auto bias = load_offsets(epilogue.bias, channel, valid);
  for_each_tile_row(tiles, first, last, [&](std::size_t b, std::size_t y, std::size_t height,
                                            std::size_t tile) {
    const std::size_t first_channel = b * tiles.channels + channel;
    const std::size_t place = first_channel * plane + y * tiles.width;
    const auto offset = bias + load_offsets(epilogue.vectors, first_channel, valid);
    for (std::size_t x = 0; x < tiles.columns(); ++x)
      restore_tile(from, tile + x, from_channel, offset, z + 4 * x * n, n, pitch * n);
    scatter_channels(
        [&](std::size_t pixel) { return pixel_cursor<T>(z.data(), tiles.width, pitch, pixel); },
        plane, valid, height * tiles.width, epilogue.images ? epilogue.images + place : nullptr,
        epilogue.rectify, image + place);
  });
}

/// Kernels of 3×3 numbers as the convolution reads them: those from input channel c to output
/// channel o at data + c·in + o·out, all of them before `end`.
template <class T>
struct kernel_view {
  const T* data;
  const T* end;
  std::size_t in, out;

  const T* operator()(std::size_t channel, std::size_t out_channel) const {
    return data + channel * in + out_channel * out;
  }
};

/// Kernels in Winograd's domain, for a panel of `row` output channels: 36 matrices (channels, row).
template <class T>
struct transformed_kernels {
  T* data;
  std::size_t channels, row;

  /// Elements from one of the 36 to the next; the odd vector spreads them over the cache's sets.
  std::size_t matrix() const { return channels * row + lanes<T>; }
  static std::size_t size(std::size_t channels, std::size_t row) {
    return winograd_points * transformed_kernels{nullptr, channels, row}.matrix();
  }
  T* operator()(std::size_t point, std::size_t channel) const {
    return data + point * matrix() + channel * row;
  }
};

/// Copies runs of numbers from n rows, `stride` apart, to vectors (numbers, n): whole blocks.
template <class T>
void transpose_rows(const T* from, std::size_t stride, std::size_t numbers, T* to) {
  constexpr std::size_t n = lanes<T>;
  for (std::size_t i = 0; i < numbers; i += n) {
    block<T> x;
#pragma GCC unroll 16
    for (std::size_t row = 0; row < n; ++row)
      x[row] = xsimd::batch<T>::load_unaligned(from + row * stride + i);
    transpose<T>(x);
#pragma GCC unroll 16
    for (std::size_t j = 0; j < n; ++j) x[j].store_aligned(to + (i + j) * n);
  }
}

/// A run of at most Numbers numbers of the kernels to each of a vector of output channels, as vectors
/// (numbers, output channels).
template <std::size_t Numbers, class T>
class transposed_kernels {
 public:
  /// Reads from those of input channel `channel` on, to `count` output channels from `out` on; the
  /// others are zeros.
  void read(const kernel_view<T>& kernels, std::size_t channel, std::size_t out, std::size_t count,
            std::size_t numbers) {
    const T* const from = kernels(channel, out);
    if (count == n && from + (n - 1) * kernels.out + round_up(numbers, n) <= kernels.end)
      return transpose_rows(from, kernels.out, numbers, transposed_.data());
    std::array<T, n * pitch> rows{};
    for (std::size_t o = 0; o < count; ++o)
      std::copy_n(from + o * kernels.out, numbers, rows.data() + o * pitch);
    transpose_rows(rows.data(), pitch, numbers, transposed_.data());
  }
  xsimd::batch<T> operator[](std::size_t number) const {
    return xsimd::batch<T>::load_aligned(transposed_.data() + number * n);
  }

 private:
  static constexpr std::size_t n = lanes<T>, pitch = round_up(Numbers, n);
  alignas(64) std::array<T, pitch * n> transposed_;
};

/// G g Gᵀ of the kernels from input channels [first, last) to `count` output channels from `out`
/// on, at most a vector of them, into a vector of the panel's columns; channel `first` becomes
/// channel 0 of `to`.
template <bool Flipped, class T>
void transform_kernels(const kernel_view<T>& kernels, std::size_t first, std::size_t last,
                       std::size_t out, std::size_t count, const transformed_kernels<T>& to,
                       std::size_t column) {
  using batch = xsimd::batch<T>;
  constexpr std::size_t n = lanes<T>, taps = 9;
  // Where the kernels of one output channel follow each other, those of n input channels fill blocks.
  const std::size_t together = kernels.in == taps ? n : 1;
  transposed_kernels<n * taps, T> transposed;
  for (std::size_t c = first; c < last; c += together) {
    const std::size_t channels = std::min(together, last - c);
    transposed.read(kernels, c, out, count, channels * taps);
    for (std::size_t i = 0; i < channels; ++i) {
      prefetch(kernels(c + n, out + i), n * taps);
      winograd_transform<winograd_kernel, batch>(
          [&](std::size_t y, std::size_t x) {
            return transposed[i * taps + (Flipped ? taps - 1 - (3 * y + x) : 3 * y + x)];
          },
          strided_store<T>{to(0, c + i - first) + column, to.matrix()});
    }
  }
}

}  // namespace lift::detail
