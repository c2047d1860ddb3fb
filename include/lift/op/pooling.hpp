// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include <lift/backend/convolution_geometry.hpp>
#include <lift/op/primitive.hpp>

namespace lift::kernel {

/// Windows along one axis of an image: window i is of `size` pixels from i·stride − padding on, of
/// which it sees those that are in the image.
struct window_axis {
  std::size_t length, count;  // of the image, and of windows
  std::size_t size, stride, padding;

  /// The pixels that window i sees, from begin to before end; there is at least one.
  LIFT_HD std::size_t begin(std::size_t i) const {
    return i * stride > padding ? i * stride - padding : 0;
  }
  LIFT_HD std::size_t end(std::size_t i) const {
    const std::size_t last = i * stride + size - padding;
    return last < length ? last : length;
  }
  /// The windows that see `size` pixels, from whole_begin to before whole_end.
  LIFT_HD std::size_t whole_begin() const { return (padding + stride - 1) / stride; }
  LIFT_HD std::size_t whole_end() const {
    const std::size_t after = length + padding < size ? 0 : (length + padding - size) / stride + 1;
    return after < count ? after : count;
  }
  /// The windows that see pixel p, from first to before last.
  LIFT_HD std::size_t first(std::size_t p) const {
    return p + padding < size ? 0 : (p + padding - size) / stride + 1;
  }
  LIFT_HD std::size_t last(std::size_t p) const {
    const std::size_t after = (p + padding) / stride + 1;
    return after < count ? after : count;
  }
  /// The place of pixel p in window i, below `size`, and the pixel at a place.
  LIFT_HD std::size_t place(std::size_t p, std::size_t i) const {
    return p + padding - i * stride;
  }
  LIFT_HD std::size_t pixel(std::size_t place, std::size_t i) const {
    return i * stride + place - padding;
  }
};

/// Windows over an image.
struct window_grid {
  window_axis rows, columns;
};

/// Has `kernel` pool each window of a row: kernel.pool<Group, Stride>(row, j) pools windows j … j +
/// Group − 1, which see `size` columns and are Stride apart, or one window, of any. Groups may
/// overlap, so that a window may be pooled twice.
template <std::size_t Group, std::size_t Stride, class Kernel>
LIFT_HD void pool_in_groups(const Kernel& kernel, const window_axis& columns, std::size_t row) {
  const std::size_t first = columns.whole_begin(), last = columns.whole_end();
  if (columns.stride != Stride || last < first + Group) {
    if constexpr (Group > 4)
      pool_in_groups<Group / 2, Stride>(kernel, columns, row);
    else if constexpr (Stride == 1)
      pool_in_groups<8, 2>(kernel, columns, row);
    else
      for (std::size_t j = 0; j < columns.count; ++j) kernel.template pool<1, 1>(row, j);
    return;
  }
  for (std::size_t j = 0; j < first; ++j) kernel.template pool<1, 1>(row, j);
  for (std::size_t j = first; j < last; j += Group)
    kernel.template pool<Group, Stride>(row, j + Group < last ? j : last - Group);
  for (std::size_t j = last; j < columns.count; ++j) kernel.template pool<1, 1>(row, j);
}

/// to[k] = term(0, k), combined with term(1, k) and so on in this order, for k below n.
template <class A, class Term, class Combine>
LIFT_HD void combine_terms(std::size_t terms, std::size_t n, const Term& term,
                           const Combine& combine, A* to) {
  // Up to three at once, since a pass over `to` takes longer than to combine.
  if (terms == 1)
    for (std::size_t k = 0; k < n; ++k) to[k] = term(0, k);
  else if (terms == 2)
    for (std::size_t k = 0; k < n; ++k) to[k] = combine(term(0, k), term(1, k));
  else
    for (std::size_t k = 0; k < n; ++k)
      to[k] = combine(combine(term(0, k), term(1, k)), term(2, k));
  for (std::size_t c = 3; c < terms; ++c)
    for (std::size_t k = 0; k < n; ++k) to[k] = combine(to[k], term(c, k));
}

/// Combines the pixels of each window of a row of windows of images, a run of windows at a time:
/// store(j, n, results) for windows j … j + n − 1. Combined with `neutral` a number stays what it is
/// (−0 may become 0). Columns of pixels come first, which windows share, then windows that are one
/// pixel apart, so that compilers make vectors of the loops.
template <class A, class T, class Combine, class Store>
LIFT_HD void combine_windows(const window_grid& windows, const T* images, std::size_t row,
                             A neutral, const Combine& combine, const Store& store) {
  // Pixels at once, on a device in registers, and what loops are counted in multiples of.
#ifdef __CUDA_ARCH__
  constexpr std::size_t most = 16, block = 1;
#else
  constexpr std::size_t most = 256, block = 8;
#endif
  const auto least = [](std::size_t a, std::size_t b) { return a < b ? a : b; };
  const auto whole = [](std::size_t n) { return (n + block - 1) / block * block; };
  const window_axis rows = windows.rows, columns = windows.columns;
  const std::size_t top = rows.begin(row % rows.count), bottom = rows.end(row % rows.count);
  const T* const first = images + (row / rows.count * rows.length + top) * columns.length;
  const std::size_t behind = columns.padding + columns.length;
  // Whether a few pixels behind a line's are there to be read: those of the line below.
  const bool more = bottom < rows.length && columns.length >= block;
  A high[most + block], found[most + block];
  // As many windows as there is room for, or one that is larger, a piece at a time.
  const std::size_t fit = columns.size < most ? (most - columns.size) / columns.stride + 1 : 1;
  for (std::size_t j = 0, n; j < columns.count; j += n) {
    n = least(fit, columns.count - j);
    const std::size_t apart = (n - 1) * columns.stride + 1;
    for (std::size_t q = 0, here; q < columns.size; q += here) {
      here = least(columns.size - q, most - (apart - 1));
      // Columns [begin, end) of the span are in the image.
      const std::size_t at = j * columns.stride + q, span = apart + here - 1;
      const std::size_t begin = at < columns.padding ? least(columns.padding - at, span) : 0;
      const std::size_t end = at + begin < behind ? least(behind - at, span) : begin;
      for (std::size_t k = 0; k < begin; ++k) high[k] = neutral;
      if (begin < end) {
        const T* const lines = first + (at + begin - columns.padding);
        combine_terms(bottom - top, more ? whole(end - begin) : end - begin,
                      [&](std::size_t p, std::size_t k) {
                        return static_cast<A>(lines[p * columns.length + k]);
                      },
                      combine, high + begin);
      }
      for (std::size_t k = end; k < span + block; ++k) high[k] = neutral;
      const auto shifted = [&](std::size_t c, std::size_t k) { return high[k + c]; };
      if (q == 0)
        combine_terms(here, whole(apart), shifted, combine, found);
      else
        for (std::size_t c = 0; c < here; ++c)
          for (std::size_t k = 0; k < whole(apart); ++k) found[k] = combine(found[k], high[k + c]);
    }
    if (columns.stride == 1) {
      store(j, n, found);
      continue;
    }
    if (columns.stride == 2)
      for (std::size_t k = 0; k < n; ++k) high[k] = found[2 * k];
    else
      for (std::size_t k = 0; k < n; ++k) high[k] = found[k * columns.stride];
    store(j, n, high);
  }
}

}  // namespace lift::kernel

namespace lift::op {

/// The windows that an image is pooled over, as in torch.nn: of `kernel` pixels, `stride` apart, the
/// first `padding` pixels before the image. As many as lie within the image and its padding, or with
/// `ceiling` as begin in the image or the padding before it and are needed to cover it.
struct pooling_windows {
  extent2d kernel;
  extent2d stride = kernel;
  extent2d padding = 0;
  bool ceiling = false;

  /// Those over an image (B, C, H, W); throws lift::error, naming the primitive, where there are
  /// none or the padding is more than half a kernel.
  kernel::window_grid over(const shape& x, const std::string& primitive) const {
    require(x.rank() == 4, primitive + ": shape of the image", x, "(B, C, H, W)");
    return {axis(primitive, "height", x[2], kernel.height, stride.height, padding.height),
            axis(primitive, "width", x[3], kernel.width, stride.width, padding.width)};
  }

 private:
  kernel::window_axis axis(const std::string& primitive, const char* side, std::size_t length,
                           std::size_t size, std::size_t step, std::size_t before) const {
    const auto what = [&](const char* part) { return text(primitive, ": ", part, " along the ", side); };
    require(size > 0, what("kernel"), size, "at least 1");
    require(step > 0, what("stride"), step, "at least 1");
    require(before <= size / 2, what("padding"), before, text("at most half the kernel, ", size / 2));
    const std::size_t reach = length + 2 * before + (ceiling ? step - 1 : 0);
    require(length > 0 && reach >= size, what("pixels"), length,
            text("enough for a kernel of ", size));
    std::size_t count = (reach - size) / step + 1;
    if (ceiling && (count - 1) * step >= length + before) --count;
    return {length, count, size, step, before};
  }
};

}  // namespace lift::op
