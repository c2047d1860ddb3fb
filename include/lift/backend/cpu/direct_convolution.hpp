// SPDX-License-Identifier: MIT
#pragma once

// Convolutions of any kernel as products of panels: the patch matrix of a strip of output pixels is
// the right factor as it is built, and results go where they belong.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cpu/panel_product.hpp>
#include <lift/backend/cpu/patch_matrix.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// The rows of one strip in each of its images, as panels: in a patch matrix (rows, columns of the
/// strip), whose rows are followed by a panel's width of readable elements, and in the images.
template <class T>
std::vector<panel<T>> strip_panels(const strip& s, const T* patches, T* images,
                                   std::size_t image_size) {
  std::vector<panel<T>> panels;
  const std::size_t length = s.last - s.first;
  for (std::size_t b = 0; b < s.images; ++b)
    for (std::size_t j = 0; j < length; j += panel_width<T>)
      panels.push_back({patches + b * length + j,
                        images + (s.image + b) * image_size + s.first + j,
                        std::min(panel_width<T>, length - j)});
  return panels;
}

/// Calls body(first, last) on parts of 0 … n − 1, multiples of row_block: all at once, or, when
/// there is too little other work to share out, some for each thread.
template <class T, class Body>
void for_each_rows(std::size_t n, bool share, const Body& body) {
  const std::size_t blocks = ceil_div(n, row_block<T>);
  const std::size_t part = share ? ceil_div(blocks, 8) * row_block<T> : n;
  parallel_for(n, part, body);
}

/// Calls body(strip, share) for each strip, by one thread each or, of few, with `share` set.
template <class Body>
void for_each_strip(const std::vector<strip>& work, const Body& body) {
  if (work.size() < few_strips)
    for (const strip& s : work) body(s, true);
  else
    default_thread_pool().run(work.size(), [&](std::size_t task) { body(work[task], false); });
}

/// Output pixels of a strip whose patch matrix, of so many rows, should stay in cache.
template <class T>
std::size_t direct_columns(std::size_t rows) {
  return std::clamp<std::size_t>((std::size_t{512} << 10) / (sizeof(T) * rows), 64, 512) /
         panel_width<T> * panel_width<T>;
}

/// Adds to channels [first, last) of a strip of results what lies beside them.
template <class T>
void add_to_strip(const convolution_geometry& g, const strip& s, std::size_t first,
                  std::size_t last, const convolution_epilogue<T>& epilogue, T* result) {
  if (!epilogue.vectors && !epilogue.images) return;
  for (std::size_t b = s.image; b < s.image + s.images; ++b)
    for (std::size_t o = first; o < last; ++o) {
      const std::size_t row = b * g.out_channels + o;
      const T number = epilogue.vectors ? epilogue.vectors[row] : T(0);
      T* const to = result + row * g.out_area();
      if (const T* const images = epilogue.images ? epilogue.images + row * g.out_area() : nullptr)
        for (std::size_t p = s.first; p < s.last; ++p) to[p] += number + images[p];
      else
        for (std::size_t p = s.first; p < s.last; ++p) to[p] += number;
    }
}

/// result = image ∗ weight, with its epilogue.
template <class T>
void direct_convolve(const convolution_geometry& g, const T* image, const T* weight,
                     const convolution_epilogue<T>& epilogue, T* result) {
  for_each_strip(strips(g, direct_columns<T>(g.patch())), [&](const strip& s, bool share) {
    const std::size_t columns = s.columns(), area = g.kernel.area();
    T* const patches = work_space<T, 0>(g.patch() * columns + panel_width<T>);
    parallel_for(g.channels, share ? 32 : g.channels, [&](std::size_t first, std::size_t last) {
      im2col(g, s, first, last, image, patches + first * area * columns);
    });
    const auto panels = strip_panels(s, patches, result, g.result_size());
    for_each_rows<T>(g.out_channels, share, [&](std::size_t first, std::size_t last) {
      auto rows = panels;
      for (auto& p : rows) p.c += first * g.out_area();
      panel_product<T>(last - first, g.patch(), {weight + first * g.patch(), g.patch(), 1}, columns,
                       rows, g.out_area(),
                       {.bias = epilogue.bias ? epilogue.bias + first : nullptr});
      add_to_strip(g, s, first, last, epilogue, result);
    });
  });
}

/// The adjoint of direct_convolve in the image, plus bias[c] where there is a bias.
template <class T>
void direct_convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                               const T* bias, T* image) {
  constexpr std::size_t width = panel_width<T>;
  const std::size_t area = g.kernel.area(), plane = g.image_area();
  // Whole images where patches overlap.
  const std::size_t together = std::max<std::size_t>(g.pointwise() ? 0 : g.out_area(), 256);
  for_each_strip(strips(g, together), [&](const strip& s, bool share) {
    const std::size_t length = s.last - s.first, columns = s.columns();
    // The results of the strip, panel by panel: (panels, O, width). A panel of a pointwise
    // convolution lies within one image, as its products go straight there.
    const std::size_t piece = g.pointwise() ? length : columns, pieces = columns / piece;
    const std::size_t panels_of_piece = ceil_div(piece, width);
    T* const results = work_space<T, 1>(pieces * panels_of_piece * g.out_channels * width);
    const auto panel_at = [&](std::size_t column) {
      return results + (column / piece * panels_of_piece + column % piece / width) *
                           g.out_channels * width;
    };
    parallel_for(g.out_channels, share ? 64 : g.out_channels,
                 [&](std::size_t first, std::size_t last) {
                   for (std::size_t o = first; o < last; ++o)
                     for (std::size_t j = 0, n; j < columns; j += n) {
                       const std::size_t at = j % length, lane = j % piece % width;
                       n = std::min(length - at, width - lane);
                       std::copy_n(result + (s.image + j / length) * g.result_size() +
                                       o * g.out_area() + s.first + at,
                                   n, panel_at(j) + o * width + lane);
                     }
                 });
    // Rows [first, last) of weightᵀ·results, to rows `row` apart; pieces are piece_pitch apart.
    const auto multiply = [&](std::size_t first, std::size_t last, T* to, std::size_t row,
                              std::size_t piece_pitch, const T* offsets) {
      std::vector<panel<T>> panels;
      for (std::size_t b = 0; b < pieces; ++b)
        for (std::size_t j = 0; j < piece; j += width)
          panels.push_back({panel_at(b * piece + j), to + b * piece_pitch + j,
                            std::min(width, piece - j)});
      panel_product<T>(last - first, g.out_channels, {weight + first, 1, g.patch()}, width, panels,
                       row, {.bias = offsets});
    };
    T* const images = image + s.image * g.image_size();
    if (g.pointwise()) {
      for_each_rows<T>(g.channels, share, [&](std::size_t first, std::size_t last) {
        multiply(first, last, images + first * plane + s.first, plane, g.image_size(),
                 bias ? bias + first : nullptr);
      });
      return;
    }
    // A few channels at a time, so that their patches stay in cache.
    const std::size_t fit = (std::size_t{256} << 10) / (sizeof(T) * area * columns);
    const std::size_t part = std::clamp<std::size_t>(fit, 1, ceil_div(g.channels, 4));
    const auto restore = [&](std::size_t task) {
      const std::size_t first = task * part, last = std::min(g.channels, first + part);
      T* const patches = work_space<T, 0>((last - first) * area * columns);
      multiply(first * area, last * area, patches, columns, 0, nullptr);
      for (std::size_t b = 0; b < s.images; ++b)
        for (std::size_t c = first; c < last; ++c)
          std::fill_n(images + b * g.image_size() + c * plane, plane, bias ? bias[c] : T(0));
      col2im(g, s, first, last, patches, image);
    };
    const std::size_t parts = ceil_div(g.channels, part);
    if (share)
      default_thread_pool().run(parts, restore);
    else
      for (std::size_t task = 0; task < parts; ++task) restore(task);
  });
}

/// The adjoint of direct_convolve in the weight.
template <class T>
void direct_convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                            T* weight) {
  // A task owns the weights of a few input channels and adds up the whole batch in order, in
  // (weights, O): there the patch matrix is the left factor as it is.
  const auto work = strips(g, 256);
  const std::size_t area = g.kernel.area(), out = g.out_channels;
  const std::size_t channels =
      std::max<std::size_t>(1, std::min(256 / area, ceil_div(g.channels, 4)));
  default_thread_pool().run(ceil_div(g.channels, channels), [&](std::size_t task) {
    const std::size_t first = task * channels, last = std::min(g.channels, first + channels);
    const std::size_t rows = (last - first) * area;
    T* const sums = work_space<T, 2>(rows * out);
    epilogue<T> end;
    for (const strip& s : work) {
      const std::size_t columns = s.columns(), length = s.last - s.first;
      T* const patches = work_space<T, 0>(rows * columns);
      im2col(g, s, first, last, image, patches);
      T* const transposed = work_space<T, 1>(columns * out + panel_width<T>);
      for (std::size_t b = 0; b < s.images; ++b)
        transpose_matrix(out, length, result + (s.image + b) * g.result_size() + s.first,
                         g.out_area(), transposed + b * length * out, out);
      std::vector<panel<T>> panels;
      for (std::size_t o = 0; o < out; o += panel_width<T>)
        panels.push_back({transposed + o, sums + o, std::min(panel_width<T>, out - o)});
      panel_product<T>(rows, columns, {patches, columns, 1}, out, panels, out, end);
      end.add = true;
    }
    transpose_matrix(rows, out, sums, out, weight + first * area, g.patch());
  });
}

}  // namespace lift::detail
