// SPDX-License-Identifier: MIT
#pragma once

// The convolution verbs of the CPU backend: patch matrices (im2col) built strip by strip, so that
// they stay in cache, and one matrix product for each strip.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lift/backend/xtensor_backend.hpp>

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
  const std::size_t rows = std::clamp<std::size_t>(columns / g.out_width, 1, g.out_height);
  for (std::size_t b = 0; b < g.batch; b += together)
    for (std::size_t y = 0; y < g.out_height; y += rows)
      result.push_back({b, std::min(together, g.batch - b), y * g.out_width,
                        std::min(y + rows, g.out_height) * g.out_width});
  return result;
}

/// Calls row(image, patch element, y, first x inside, last x inside) for the part of each row of
/// a strip's patch matrix that lies inside the image.
template <class Row>
void for_each_patch_row(const convolution_geometry& g, const strip& s, std::size_t first_channel,
                        std::size_t last_channel, const Row& row) {
  for (std::size_t c = first_channel; c < last_channel; ++c)
    for (std::size_t ky = 0; ky < g.kernel; ++ky)
      for (std::size_t kx = 0; kx < g.kernel; ++kx)
        for (std::size_t b = 0; b < s.images; ++b)
          for (std::size_t oy = s.first / g.out_width; oy * g.out_width < s.last; ++oy)
            row(c, ky, kx, b, oy);
}

/// The output columns [first, last) whose image column ox·stride + kx − padding is inside.
struct column_range {
  std::size_t first, last;
  column_range(const convolution_geometry& g, std::size_t kx) {
    first = kx >= g.padding ? 0 : (g.padding - kx + g.stride - 1) / g.stride;
    const std::size_t reach = g.width + g.padding;  // ox·stride + kx < reach
    last = reach > kx ? std::min(g.out_width, (reach - kx + g.stride - 1) / g.stride) : 0;
    first = std::min(first, last);
  }
};

/// Patch matrix of channels [first_channel, last_channel): rows (channel, ky, kx), one column for
/// every output pixel of the strip.
template <class T>
void im2col(const convolution_geometry& g, const strip& s, std::size_t first_channel,
            std::size_t last_channel, const T* image, T* patches) {
  const std::size_t columns = s.columns();
  for_each_patch_row(
      g, s, first_channel, last_channel,
      [&](std::size_t c, std::size_t ky, std::size_t kx, std::size_t b, std::size_t oy) {
        const column_range x(g, kx);
        T* to = patches + (((c - first_channel) * g.kernel + ky) * g.kernel + kx) * columns +
                b * (s.last - s.first) + oy * g.out_width - s.first;
        const std::size_t iy = oy * g.stride + ky - g.padding;  // wraps above when outside
        if (iy >= g.height || x.first == x.last) {
          std::fill_n(to, g.out_width, T(0));
          return;
        }
        const T* from = image + (((s.image + b) * g.channels + c) * g.height + iy) * g.width;
        std::fill(to, to + x.first, T(0));
        if (g.stride == 1)
          std::copy_n(from + (x.first + kx - g.padding), x.last - x.first, to + x.first);
        else
          for (std::size_t ox = x.first; ox < x.last; ++ox)
            to[ox] = from[ox * g.stride + kx - g.padding];
        std::fill(to + x.last, to + g.out_width, T(0));
      });
}

/// Adjoint of im2col: adds every patch to the pixels it was read from.
template <class T>
void col2im(const convolution_geometry& g, const strip& s, const T* patches, T* image) {
  const std::size_t columns = s.columns();
  for_each_patch_row(
      g, s, 0, g.channels,
      [&](std::size_t c, std::size_t ky, std::size_t kx, std::size_t b, std::size_t oy) {
        const column_range x(g, kx);
        const T* from = patches + ((c * g.kernel + ky) * g.kernel + kx) * columns +
                        b * (s.last - s.first) + oy * g.out_width - s.first;
        const std::size_t iy = oy * g.stride + ky - g.padding;
        if (iy >= g.height) return;
        T* to = image + (((s.image + b) * g.channels + c) * g.height + iy) * g.width;
        for (std::size_t ox = x.first; ox < x.last; ++ox)
          to[ox * g.stride + kx - g.padding] += from[ox];
      });
}

/// Copies the results of a strip, (B, O, area), to or from one matrix (O, columns).
template <class T, class Copy>
void for_each_result_row(const convolution_geometry& g, const strip& s, T* result,
                         const Copy& copy) {
  const std::size_t length = s.last - s.first;
  for (std::size_t o = 0; o < g.out_channels; ++o)
    for (std::size_t b = 0; b < s.images; ++b)
      copy(result + ((s.image + b) * g.out_channels + o) * g.out_area() + s.first,
           o * s.columns() + b * length, length);
}

/// Output pixels of one strip: patch matrices of at most about 1 MiB.
template <class T>
std::size_t strip_columns(const convolution_geometry& g) {
  return std::clamp<std::size_t>((std::size_t{1} << 20) / (sizeof(T) * g.patch()), 64, 1024);
}

}  // namespace lift::detail

namespace lift {

template <class T>
void xtensor_backend::convolve(const convolution_geometry& g, const T* image, const T* weight,
                               T* result) {
  const auto work = detail::strips(g, detail::strip_columns<T>(g));
  default_thread_pool().run(work.size(), [&](std::size_t task) {
    const detail::strip& s = work[task];
    thread_local buffer<T> patches, product;
    const std::size_t columns = s.columns();
    const T* from = image + s.image * g.image_size() + s.first;
    std::size_t row = g.out_area();
    if (!g.pointwise() || s.images > 1) {
      if (patches.size() < g.patch() * columns) patches.resize(g.patch() * columns);
      detail::im2col(g, s, 0, g.channels, image, patches.data());
      from = patches.data();
      row = columns;
    }
    if (s.images == 1) {
      gemm_one(g.out_channels, columns, g.patch(), T(1), weight, g.patch(), false, from, row,
               false, T(0), result + s.image * g.result_size() + s.first, g.out_area());
      return;
    }
    if (product.size() < g.out_channels * columns) product.resize(g.out_channels * columns);
    gemm_one(g.out_channels, columns, g.patch(), T(1), weight, g.patch(), false, from, row, false,
             T(0), product.data(), columns);
    detail::for_each_result_row(g, s, result, [&](T* to, std::size_t at, std::size_t length) {
      std::copy_n(product.data() + at, length, to);
    });
  });
}

template <class T>
void xtensor_backend::convolve_transpose(const convolution_geometry& g, const T* result,
                                         const T* weight, T* image) {
  // Whole images only: patches of one image overlap.
  const auto work = detail::strips(
      g, std::max(g.out_area(), detail::strip_columns<T>(g)));
  default_thread_pool().run(work.size(), [&](std::size_t task) {
    const detail::strip& s = work[task];
    thread_local buffer<T> patches, product;
    const std::size_t columns = s.columns();
    const T* from = result + s.image * g.result_size();
    if (s.images > 1) {
      if (product.size() < g.out_channels * columns) product.resize(g.out_channels * columns);
      detail::for_each_result_row(g, s, result, [&](const T* row, std::size_t at,
                                                    std::size_t length) {
        std::copy_n(row, length, product.data() + at);
      });
      from = product.data();
    }
    T* to = image + s.image * g.image_size();
    if (g.pointwise() && s.images == 1) {
      gemm_one(g.patch(), columns, g.out_channels, T(1), weight, g.patch(), true, from, columns,
               false, T(0), to, columns);
      return;
    }
    if (patches.size() < g.patch() * columns) patches.resize(g.patch() * columns);
    gemm_one(g.patch(), columns, g.out_channels, T(1), weight, g.patch(), true, from, columns,
             false, T(0), patches.data(), columns);
    std::fill_n(to, s.images * g.image_size(), T(0));
    detail::col2im(g, s, patches.data(), image);
  });
}

template <class T>
void xtensor_backend::convolve_weight(const convolution_geometry& g, const T* image,
                                      const T* result, T* weight) {
  // A task owns the weights of a few input channels and adds up the whole batch in order.
  const auto work = detail::strips(g, 1024);
  const std::size_t area = g.kernel * g.kernel;
  const std::size_t channels = std::max<std::size_t>(1, std::min(256 / area, g.channels / 2));
  default_thread_pool().run((g.channels + channels - 1) / channels, [&](std::size_t task) {
    thread_local buffer<T> patches, product;
    const std::size_t first = task * channels, last = std::min(g.channels, first + channels);
    const std::size_t rows = (last - first) * area;
    bool started = false;
    for (const detail::strip& s : work) {
      const std::size_t columns = s.columns();
      if (patches.size() < rows * columns) patches.resize(rows * columns);
      detail::im2col(g, s, first, last, image, patches.data());
      const T* from = result + s.image * g.result_size() + s.first;
      std::size_t row = g.out_area();
      if (s.images > 1) {
        if (product.size() < g.out_channels * columns) product.resize(g.out_channels * columns);
        detail::for_each_result_row(g, s, result, [&](const T* r, std::size_t at,
                                                      std::size_t length) {
          std::copy_n(r, length, product.data() + at);
        });
        from = product.data();
        row = columns;
      }
      gemm_one(g.out_channels, rows, columns, T(1), from, row, false, patches.data(), columns,
               true, T(started), weight + first * area, g.patch());
      started = true;
    }
  });
}

}  // namespace lift
