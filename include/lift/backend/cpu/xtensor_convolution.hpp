// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cpu/blas_product.hpp>
#include <lift/backend/cpu/patch_matrix.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/backend/cpu/xtensor_algebra.hpp>

namespace lift::detail {

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

/// Bytes of a patch matrix that should stay in cache.
inline constexpr std::size_t patch_bytes = std::size_t{1} << 20;

/// Output pixels of one strip.
template <class T>
std::size_t strip_columns(const convolution_geometry& g) {
  return std::clamp<std::size_t>(patch_bytes / (sizeof(T) * g.patch()), 64, 1024);
}

/// The results of a strip as a matrix (O, columns): where they lie, or a copy if there are several
/// images.
template <class T>
matrices<const T> strip_results(const convolution_geometry& g, const strip& s, const T* result) {
  if (s.images == 1)
    return {.data = result + s.image * g.result_size() + s.first, .row = g.out_area()};
  T* copy = work_space<T, 1>(g.out_channels * s.columns());
  for_each_result_row(g, s, result, [&](const T* row, std::size_t at, std::size_t length) {
    std::copy_n(row, length, copy + at);
  });
  return {.data = copy, .row = s.columns()};
}

}  // namespace lift::detail

namespace lift {

/// The convolution verbs of the CPU backend, on top of the others: patch matrices (im2col) built
/// strip by strip, so that they stay in cache, and one matrix product for each strip.
struct xtensor_convolution : xtensor_algebra {
  template <class T>
  static void convolve(const convolution_geometry& g, const T* image, const T* weight,
                       const convolution_epilogue<T>& epilogue, T* result);

  template <class T>
  static void convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                                 const T* bias, T* image);

  template <class T>
  static void convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                              T* weight);

 private:
  /// Adds `count` numbers, each to `run` elements in a row, to an array of n; they repeat.
  template <class T>
  static void add(std::size_t n, const T* numbers, std::size_t run, std::size_t count, T* to) {
    if (numbers) map(n, to, std::plus<>{}, operand<T>{to, 1, n}, operand<T>{numbers, run, count});
  }
};

template <class T>
void xtensor_convolution::convolve(const convolution_geometry& g, const T* image, const T* weight,
                                   const convolution_epilogue<T>& epilogue, T* result) {
  const auto work = detail::strips(g, detail::strip_columns<T>(g));
  const bool few = work.size() < detail::few_strips;  // then all threads share each strip
  const detail::one_blas_thread ours;
  const auto convolve_strip = [&](const detail::strip& s) {
    const std::size_t columns = s.columns();
    matrices<const T> from{.data = image + s.image * g.image_size() + s.first,
                           .row = g.out_area()};
    if (!g.pointwise() || s.images > 1) {
      T* patches = detail::work_space<T, 0>(g.patch() * columns);
      parallel_for(g.channels, few ? 32 : g.channels, [&](std::size_t first, std::size_t last) {
        detail::im2col(g, s, first, last, image,
                       patches + first * g.kernel.area() * columns);
      });
      from = {.data = patches, .row = columns};
    }
    matrices<T> to{.data = result + s.image * g.result_size() + s.first, .row = g.out_area()};
    if (s.images > 1)
      to = {.data = detail::work_space<T, 1>(g.out_channels * columns), .row = columns};
    if (few)
      gemm(1, g.out_channels, columns, g.patch(), T(1), {.data = weight, .row = g.patch()}, from,
           T(0), to);
    else
      detail::blas_product(g.out_channels, columns, g.patch(), T(1), weight, g.patch(), false,
                           from.data, from.row, false, T(0), to.data, to.row);
    if (s.images > 1)
      detail::for_each_result_row(g, s, result, [&](T* row, std::size_t at, std::size_t length) {
        std::copy_n(to.data + at, length, row);
      });
  };
  if (few)
    for (const detail::strip& s : work) convolve_strip(s);
  else
    default_thread_pool().run(work.size(),
                              [&](std::size_t task) { convolve_strip(work[task]); });
  const std::size_t size = g.batch * g.result_size();
  add(size, epilogue.bias, g.out_area(), g.out_channels, result);
  add(size, epilogue.vectors, g.out_area(), g.batch * g.out_channels, result);
  add(size, epilogue.images, 1, size, result);
}

template <class T>
void xtensor_convolution::convolve_transpose(const convolution_geometry& g, const T* result,
                                             const T* weight, const T* bias, T* image) {
  const std::size_t area = g.kernel.area();
  if (detail::has_adjoint(g) && area > 1 && g.batch * g.image_size() > g.patch()) {
    // A convolution with the kernels flipped, worth it unless the weight is the larger array.
    buffer<T> flipped(g.out_channels * g.patch());
    for_each(
        g.channels,
        [&](std::size_t c) {
          for (std::size_t o = 0; o < g.out_channels; ++o)
            std::reverse_copy(weight + (o * g.channels + c) * area,
                              weight + (o * g.channels + c + 1) * area,
                              flipped.data() + (c * g.out_channels + o) * area);
        },
        4 * g.out_channels * area);
    convolve(detail::adjoint(g), result, flipped.data(), {.bias = bias}, image);
    return;
  }
  // A task owns a few channels of whole images: patches of one image overlap.
  const auto work = detail::strips(g, std::max(g.out_area(), detail::strip_columns<T>(g)));
  const std::size_t fit = detail::patch_bytes / (sizeof(T) * area * work[0].columns());
  const std::size_t channels = std::clamp<std::size_t>(fit, 1, ceil_div(g.channels, 4));
  const std::size_t parts = ceil_div(g.channels, channels);
  const detail::one_blas_thread ours;
  default_thread_pool().run(work.size() * parts, [&](std::size_t task) {
    const detail::strip& s = work[task / parts];
    const std::size_t first = task % parts * channels;
    const std::size_t last = std::min(g.channels, first + channels);
    const std::size_t rows = (last - first) * area, columns = s.columns();
    const auto from = detail::strip_results(g, s, result);
    T* to = image + s.image * g.image_size() + first * g.image_area();
    const bool direct = g.pointwise() && s.images == 1;
    T* patches = direct ? to : detail::work_space<T, 0>(rows * columns);
    detail::blas_product(rows, columns, g.out_channels, T(1), weight + first * area, g.patch(),
                         true, from.data, from.row, false, T(0), patches, columns);
    if (direct) return;
    for (std::size_t b = 0; b < s.images; ++b)
      std::fill_n(to + b * g.image_size(), (last - first) * g.image_area(), T(0));
    detail::col2im(g, s, first, last, patches, image);
  });
  add(g.batch * g.image_size(), bias, g.image_area(), g.channels, image);
}

template <class T>
void xtensor_convolution::convolve_weight(const convolution_geometry& g, const T* image,
                                          const T* result, T* weight) {
  // A task owns the weights of a few input channels and adds up the whole batch in order.
  const auto work = detail::strips(g, 1024);
  const std::size_t area = g.kernel.area();
  const std::size_t channels = std::max<std::size_t>(1, std::min(256 / area, g.channels / 2));
  const detail::one_blas_thread ours;
  default_thread_pool().run(ceil_div(g.channels, channels), [&](std::size_t task) {
    const std::size_t first = task * channels, last = std::min(g.channels, first + channels);
    const std::size_t rows = (last - first) * area;
    bool started = false;
    for (const detail::strip& s : work) {
      const std::size_t columns = s.columns();
      T* patches = detail::work_space<T, 0>(rows * columns);
      detail::im2col(g, s, first, last, image, patches);
      const auto from = detail::strip_results(g, s, result);
      detail::blas_product(g.out_channels, rows, columns, T(1), from.data, from.row, false,
                           patches, columns, true, T(started), weight + first * area, g.patch());
      started = true;
    }
  });
}

}  // namespace lift
