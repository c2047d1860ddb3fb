// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

#include <lift/backend/cpu/blas_product.hpp>
#include <lift/backend/cpu/patch_convolution.hpp>
#include <lift/backend/cpu/xtensor_algebra.hpp>

namespace lift::detail {

/// Products of BLAS, for patch_convolution.hpp. The caller holds a one_blas_thread.
template <class T>
struct blas_products_of_patches {
  static constexpr std::size_t overread = 0, weight_columns = 1024;

  static std::size_t columns(const convolution_geometry& g) {
    return std::clamp<std::size_t>(patch_bytes / (sizeof(T) * g.patch()), 64, 1024);
  }
  /// Whole images: patches of one overlap.
  static std::size_t transpose_columns(const convolution_geometry& g) {
    return std::max(g.out_area(), columns(g));
  }
  static std::size_t transpose_channels(const convolution_geometry& g, const strip& s, bool) {
    return std::clamp<std::size_t>(patch_bytes / (sizeof(T) * g.kernel.area() * s.columns()), 1,
                                   ceil_div(g.channels, 4));
  }
  static std::size_t weight_channels(const convolution_geometry& g) {
    return std::max<std::size_t>(1, std::min(256 / g.kernel.area(), g.channels / 2));
  }

  static void convolve(const convolution_geometry& g, const strip& s, bool share, const T* weight,
                       const T* patches, std::size_t row, const convolution_epilogue<T>& epilogue,
                       T* result) {
    const std::size_t columns = s.columns();
    const scratch<T> together(s.images == 1 ? 0 : g.out_channels * columns);
    const matrices<T> to =
        s.images == 1
            ? matrices<T>{.data = result + s.image * g.result_size() + s.first, .row = g.out_area()}
            : matrices<T>{.data = together.data(), .row = columns};
    if (share)
      xtensor_algebra::gemm(1, g.out_channels, columns, g.patch(), T(1),
                            {.data = weight, .row = g.patch()}, {.data = patches, .row = row}, T(0),
                            to);
    else
      blas_product(g.out_channels, columns, g.patch(), T(1), weight, g.patch(), false, patches, row,
                   false, T(0), to.data, to.row);
    parallel_for(g.out_channels, share ? 32 : g.out_channels,
                 [&](std::size_t first, std::size_t last) {
      if (s.images > 1)
        for_each_row(g, s, first, last, result, [&](T* each, std::size_t at, std::size_t length) {
          std::copy_n(together.data() + at, length, each);
        });
      finish_strip(g, s, first, last, epilogue, result);
    });
  }

  class strip_results;
  class transposed_results;
  class weight_sums;

 private:
  /// Bytes of a patch matrix that should stay in cache.
  static constexpr std::size_t patch_bytes = std::size_t{1} << 20;

  /// Calls copy(row, place, length) for channels [first, last) of each of a strip's results (B, O,
  /// area) and their place in one matrix (O, columns).
  template <class Numbers, class Copy>
  static void for_each_row(const convolution_geometry& g, const strip& s, std::size_t first,
                           std::size_t last, Numbers* result, const Copy& copy) {
    const std::size_t length = s.last - s.first;
    for (std::size_t o = first; o < last; ++o)
      for (std::size_t b = 0; b < s.images; ++b)
        copy(result + ((s.image + b) * g.out_channels + o) * g.out_area() + s.first,
             o * s.columns() + b * length, length);
  }
};

/// The results of a strip as a matrix (O, columns): where they lie, or a copy if there are several
/// images.
template <class T>
class blas_products_of_patches<T>::strip_results {
 public:
  strip_results(const convolution_geometry& g, const strip& s, bool share, const T* result)
      : in_place(g.pointwise() && s.images == 1), channels_(g.out_channels), patch_(g.patch()),
        columns_(s.columns()), copy_(s.images == 1 ? 0 : channels_ * columns_),
        data_(s.images == 1 ? result + s.image * g.result_size() + s.first : copy_.data()),
        row_(s.images == 1 ? g.out_area() : columns_) {
    if (s.images > 1)
      parallel_for(channels_, share ? 64 : channels_, [&](std::size_t first, std::size_t last) {
        for_each_row(g, s, first, last, result,
                     [&](const T* each, std::size_t at, std::size_t length) {
                       std::copy_n(each, length, copy_.data() + at);
                     });
      });
  }

  void multiply(std::size_t first, std::size_t last, const T* weight, T* to, std::size_t row,
                std::size_t, bool add) const {
    blas_product(last - first, columns_, channels_, T(1), weight + first, patch_, true, data_, row_,
                 false, T(add), to, row);
  }
  /// to (O, rows) = results·patchesᵀ, added or not; the rows of the patches are `pitch` apart.
  void multiply_transposed(std::size_t rows, const T* patches, std::size_t pitch, bool add, T* to,
                           std::size_t row) const {
    blas_product(channels_, rows, columns_, T(1), data_, row_, false, patches, pitch, true, T(add),
                 to, row);
  }

  const bool in_place;

 private:
  std::size_t channels_, patch_, columns_;
  scratch<T> copy_;
  const T* data_;
  std::size_t row_;
};

/// The results of strips as they are: BLAS transposes.
template <class T>
class blas_products_of_patches<T>::transposed_results {
 public:
  transposed_results(const convolution_geometry& g, const std::vector<strip>& work, const T* result)
      : g_(g), work_(work), result_(result) {}
  strip_results operator[](std::size_t strip) const {
    return strip_results(g_, work_[strip], false, result_);
  }

 private:
  const convolution_geometry& g_;
  const std::vector<strip>& work_;
  const T* result_;
};

/// The weights themselves are the sums.
template <class T>
class blas_products_of_patches<T>::weight_sums {
 public:
  weight_sums(const convolution_geometry& g, std::size_t first, std::size_t last, T* weight)
      : g_(g), rows_((last - first) * g.kernel.area()), to_(weight + first * g.kernel.area()) {}

  /// Adds the results times patches (weights, pixels), whose rows are `row` apart.
  void add(std::size_t, const T* patches, std::size_t row, const strip_results& results) {
    results.multiply_transposed(rows_, patches, row, std::exchange(started_, true), to_,
                                g_.patch());
  }
  void store() const {}

 private:
  const convolution_geometry& g_;
  std::size_t rows_;
  T* to_;
  bool started_ = false;
};

}  // namespace lift::detail

namespace lift {

/// The convolution verbs of the CPU backend, on top of the others: products of patch matrices by
/// BLAS.
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
};

template <class T>
void xtensor_convolution::convolve(const convolution_geometry& g, const T* image, const T* weight,
                                   const convolution_epilogue<T>& epilogue, T* result) {
  const detail::one_blas_thread ours;
  detail::patch_convolve<detail::blas_products_of_patches<T>>(g, image, weight, epilogue, result);
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
  const detail::one_blas_thread ours;
  const T* const none = nullptr;
  detail::patch_convolve_transpose<detail::blas_products_of_patches<T>>(g, result, weight, none,
                                                                        image);
  const std::size_t n = g.batch * g.image_size();
  if (bias)
    map(n, image, std::plus<>{}, operand<T>{image, 1, n},
        operand<T>{bias, g.image_area(), g.channels});
}

template <class T>
void xtensor_convolution::convolve_weight(const convolution_geometry& g, const T* image,
                                          const T* result, T* weight) {
  const detail::one_blas_thread ours;
  detail::patch_convolve_weight<detail::blas_products_of_patches<T>>(g, image, result, weight);
}

}  // namespace lift
