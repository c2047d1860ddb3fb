// SPDX-License-Identifier: MIT
#pragma once

// Patch matrices on the host: what turns a convolution into a matrix product (im2col).

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include <lift/backend/convolution_geometry.hpp>
#include <lift/core/ceil_div.hpp>

namespace lift::detail {

/// A strip of work: output pixels first … last − 1 of `images` images from `image` on.
struct strip {
  std::size_t image, images, first, last;
  std::size_t columns() const { return images * (last - first); }
};

/// Cuts a batch into strips of about `columns` output pixels; small images are taken together.
/// A strip covers whole images, or a run of whole rows of one.
inline std::vector<strip> strips(const convolution_geometry& g, std::size_t columns) {
  std::vector<strip> result;
  const std::size_t together = std::max<std::size_t>(1, columns / g.out_area());
  std::size_t rows = std::clamp<std::size_t>(columns / g.out_width, 1, g.out_height);
  if (rows < g.out_height && g.batch < 4)  // few strips: four, eight … share out evenly
    rows = ceil_div(g.out_height, round_up(g.out_height / rows + 1, 4));
  for (std::size_t b = 0; b < g.batch; b += together)
    for (std::size_t y = 0; y < g.out_height; y += rows)
      result.push_back({b, std::min(together, g.batch - b), y * g.out_width,
                        std::min(y + rows, g.out_height) * g.out_width});
  return result;
}

/// The outputs [first, last) whose input o·stride + k − padding is one of 0 … size − 1, for place
/// k of the kernel along one axis.
struct inside {
  std::size_t first, last;
  inside(std::size_t k, std::size_t stride, std::size_t padding, std::size_t size,
         std::size_t outputs) {
    first = k >= padding ? 0 : ceil_div(padding - k, stride);
    const std::size_t reach = size + padding;  // o·stride + k < reach
    last = reach > k ? std::min(outputs, ceil_div(reach - k, stride)) : 0;
    first = std::min(first, last);
  }
};

/// Calls part(row, pixel, y, x) for every image of a strip and every row (channel, ky, kx) of its
/// patch matrix, channels [first_channel, last_channel): `row` is the offset of the image's part of
/// the row; of its output pixels, rows y and columns x have input, the first of them at offset
/// `pixel` of the images.
template <class Part>
void for_each_patch_row(const convolution_geometry& g, const strip& s, std::size_t first_channel,
                        std::size_t last_channel, const Part& part) {
  const std::size_t begin = s.first / g.out_width, end = s.last / g.out_width;
  std::size_t row = 0;
  for (std::size_t c = first_channel; c < last_channel; ++c)
    for (std::size_t ky = 0; ky < g.kernel.height; ++ky)
      for (std::size_t kx = 0; kx < g.kernel.width; ++kx) {
        inside y(ky, g.stride.height, g.padding.height, g.height, g.out_height);
        const inside x(kx, g.stride.width, g.padding.width, g.width, g.out_width);
        y.first = std::clamp(y.first, begin, end);
        y.last = x.first < x.last ? std::clamp(y.last, y.first, end) : y.first;
        const std::size_t pixel =
            (y.first * g.stride.height + ky - g.padding.height) * g.width +
            x.first * g.stride.width + kx - g.padding.width;
        for (std::size_t b = 0; b < s.images; ++b, row += s.last - s.first)
          part(row, ((s.image + b) * g.channels + c) * g.image_area() + pixel, y, x);
      }
}

/// Copies rows of elements `stride` apart.
template <class T>
void copy_rows_apart(std::size_t stride, std::size_t rows, std::size_t columns, const T* from,
                     std::size_t from_pitch, T* to, std::size_t to_pitch) {
  const auto copy = [&](auto apart) {
    for (std::size_t i = 0; i < rows; ++i, from += from_pitch, to += to_pitch)
      for (std::size_t j = 0; j < columns; ++j) to[j] = from[j * apart];
  };
  if (stride == 2)  // a constant lets the compiler use vectors
    copy(std::integral_constant<std::size_t, 2>{});
  else
    copy(stride);
}

/// Patch matrix of channels [first_channel, last_channel): rows (channel, ky, kx), one column for
/// every output pixel of the strip.
template <class T>
void im2col(const convolution_geometry& g, const strip& s, std::size_t first_channel,
            std::size_t last_channel, const T* image, T* patches) {
  const std::size_t width = g.out_width, begin = s.first / width, end = s.last / width;
  for_each_patch_row(
      g, s, first_channel, last_channel,
      [&](std::size_t row, std::size_t pixel, const inside& y, const inside& x) {
        const std::size_t rows = y.last - y.first, columns = x.last - x.first;
        T* to = patches + row;
        std::fill_n(to, (y.first - begin) * width, T(0));
        std::fill_n(to + (y.last - begin) * width, (end - y.last) * width, T(0));
        if (rows == 0) return;
        to += (y.first - begin) * width;
        const T* from = image + pixel;
        if (g.stride == 1 && g.width == width)  // one shifted copy, wrong beside the image
          std::copy_n(from, (rows - 1) * width + columns, to + x.first);
        else
          copy_rows_apart(g.stride.width, rows, columns, from, g.stride.height * g.width,
                          to + x.first, width);
        const auto clear = [&](std::size_t first, std::size_t last) {
          for (std::size_t j = first; j < last; ++j)
            for (std::size_t i = 0; i < rows; ++i) to[i * width + j] = T(0);
        };
        clear(0, x.first);
        clear(x.last, width);
      });
}

/// im2col for any pixels of one image and a convolution without padding; the rows of the patch matrix
/// are `pitch` apart.
template <class T>
void im2col_of_pixels(const convolution_geometry& g, const strip& s, const T* image, T* patches,
                      std::size_t pitch) {
  const std::size_t run = g.pointwise() ? g.out_area() : g.out_width;  // pixels in a row
  image += s.image * g.image_size();
  for (std::size_t c = 0; c < g.channels; ++c)
    for (std::size_t ky = 0; ky < g.kernel.height; ++ky)
      for (std::size_t kx = 0; kx < g.kernel.width; ++kx, patches += pitch)
        for (std::size_t p = s.first, end; p < s.last; p = end) {
          const std::size_t y = p / run, x = p % run;
          end = std::min(s.last, p - x + run);
          const T* const from = image + c * g.image_area() + (y * g.stride.height + ky) * g.width +
                                x * g.stride.width + kx;
          T* const to = patches + (p - s.first);
          if (g.stride.width == 1)
            std::copy_n(from, end - p, to);
          else
            copy_rows_apart(g.stride.width, 1, end - p, from, 0, to, 0);
        }
}

/// Adjoint of im2col for whole images and the kernel 4, stride 2 and padding 1 that double an
/// image's size: row y of a kernel's four patch rows is one row of pixels, every second of which
/// takes from two of them.
template <class T>
void col2im_doubling(const convolution_geometry& g, const strip& s, std::size_t first_channel,
                     std::size_t last_channel, const T* patches, T* image) {
  const std::size_t w = g.out_width, row = s.columns();
  for (std::size_t b = 0; b < s.images; ++b)
    for (std::size_t c = first_channel; c < last_channel; ++c)
      for (std::size_t ky = 0; ky < 4; ++ky) {
        const T* const p =
            patches + ((c - first_channel) * 16 + ky * 4) * row + b * g.out_area();
        T* const plane = image + ((s.image + b) * g.channels + c) * g.image_area();
        for (std::size_t y = 0; y < g.out_height; ++y) {
          if (2 * y + ky < 1 || 2 * y + ky > g.height) continue;
          const T *const p0 = p + y * w, *const p1 = p0 + row, *const p2 = p1 + row,
                         *const p3 = p2 + row;
          T* const to = plane + (2 * y + ky - 1) * g.width;
          to[0] += p1[0];
          for (std::size_t x = 0; x + 1 < w; ++x) {
            to[2 * x + 1] += p2[x] + p0[x + 1];
            to[2 * x + 2] += p1[x + 1] + p3[x];
          }
          to[2 * w - 1] += p2[w - 1];
        }
      }
}

/// Adjoint of im2col: adds every patch to the pixels it was read from.
template <class T>
void col2im(const convolution_geometry& g, const strip& s, std::size_t first_channel,
            std::size_t last_channel, const T* patches, T* image) {
  if (g.kernel == 4 && g.stride == 2 && g.padding == 1 && g.height == 2 * g.out_height &&
      g.width == 2 * g.out_width && s.columns() == s.images * g.out_area())
    return col2im_doubling(g, s, first_channel, last_channel, patches, image);
  const std::size_t begin = s.first / g.out_width;
  for_each_patch_row(
      g, s, first_channel, last_channel,
      [&](std::size_t row, std::size_t pixel, const inside& y, const inside& x) {
        const T* from = patches + row + x.first;
        for (std::size_t i = y.first; i < y.last; ++i)
          for (std::size_t j = 0; j < x.last - x.first; ++j)
            image[pixel + (i - y.first) * g.stride.height * g.width + j * g.stride.width] +=
                from[(i - begin) * g.out_width + j];
      });
}

}  // namespace lift::detail
