// SPDX-License-Identifier: MIT
#pragma once

// Convolutions of any kernel as products with patch matrices (im2col), which are built strip by
// strip so that they stay in cache.
//
// What multiplies is a class Products of numbers T. Its products of a strip are
//
//   convolve(g, s, share, weight, patches, row, epilogue, result)
//     result = weight·patches with the epilogue; rows of patches are `row` apart.
//   strip_results(g, s, share, result).multiply(first, last, weight, to, row, image, add)
//     rows [first, last) of weightᵀ·results, added or not, to rows `row` apart and images `image`
//     apart; its member in_place says whether that may be the images, where patches are pixels.
//   transposed_results(g, strips, result)[i]
//     the results of strip i as weight_sums takes them.
//   weight_sums(g, first, last, weight).add(pixels, patches, row, results of a strip), then store()
//     the weights of input channels [first, last): sums of results·patchesᵀ over the strips; rows of
//     patches are `row` apart.
//
// and its sizes: columns(g), transpose_columns(g) and weight_columns, the output pixels of a strip
// for each; transpose_channels(g, s, share) and weight_channels(g), the input channels whose patches
// are made at once; overread, the elements behind a patch matrix that are read. Where strips are
// few, all threads work on one and `share` is set.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cpu/patch_matrix.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// Fewer strips than this are not shared out among the threads: their rows are.
inline constexpr std::size_t few_strips = 4;

/// Calls body(strip, share) for each strip, by one thread each or, of few, with `share` set.
template <class Body>
void for_each_strip(const std::vector<strip>& work, const Body& body) {
  if (work.size() < few_strips)
    for (const strip& s : work) body(s, true);
  else
    default_thread_pool().run(work.size(), [&](std::size_t task) { body(work[task], false); });
}

/// The epilogue of channels [first, last) of a strip of results.
template <class T>
void finish_strip(const convolution_geometry& g, const strip& s, std::size_t first,
                  std::size_t last, const convolution_epilogue<T>& epilogue, T* result) {
  const std::size_t length = s.last - s.first;
  for (std::size_t b = s.image; b < s.image + s.images; ++b)
    for (std::size_t o = first; o < last; ++o) {
      const std::size_t row = b * g.out_channels + o, place = row * g.out_area() + s.first;
      T* const to = result + place;
      const auto add = [&](T number) {
        for (std::size_t p = 0; p < length; ++p) to[p] += number;
      };
      if (epilogue.bias) add(epilogue.bias[o]);
      if (epilogue.vectors) add(epilogue.vectors[row]);
      if (epilogue.images)
        for (std::size_t p = 0; p < length; ++p) to[p] += epilogue.images[place + p];
      if (epilogue.rectify)
        for (std::size_t p = 0; p < length; ++p) to[p] = to[p] < T(0) ? T(0) : to[p];
    }
}

/// Whether the pixels of a strip are its patches: the few elements behind them that are read lie in
/// the next channel or image, if there is one.
inline bool patches_are_pixels(const convolution_geometry& g, const strip& s,
                               std::size_t overread) {
  return g.pointwise() && s.images == 1 &&
         (s.image + 1 < g.batch || s.last + overread <= g.out_area());
}

/// result = image ∗ weight, with its epilogue.
template <class Products, class T>
void patch_convolve(const convolution_geometry& g, const T* image, const T* weight,
                    const convolution_epilogue<T>& epilogue, T* result) {
  for_each_strip(strips(g, Products::columns(g)), [&](const strip& s, bool share) {
    if (patches_are_pixels(g, s, Products::overread))
      return Products::convolve(g, s, share, weight, image + s.image * g.image_size() + s.first,
                                g.out_area(), epilogue, result);
    const std::size_t columns = s.columns();
    const scratch<T> patches(g.patch() * columns + Products::overread);
    parallel_for(g.channels, share ? 32 : g.channels, [&](std::size_t first, std::size_t last) {
      im2col(g, s, first, last, image, patches + first * g.kernel.area() * columns);
    });
    Products::convolve(g, s, share, weight, patches.data(), columns, epilogue, result);
  });
}

/// The adjoint of patch_convolve in the image, plus bias[c] where there is a bias.
template <class Products, class T>
void patch_convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                              const T* bias, T* image) {
  const std::size_t area = g.kernel.area(), plane = g.image_area();
  for_each_strip(strips(g, Products::transpose_columns(g)), [&](const strip& s, bool share) {
    const typename Products::strip_results results(g, s, share, result);
    T* const images = image + s.image * g.image_size();
    const auto start = [&](std::size_t first, std::size_t last, std::size_t pixel, std::size_t n) {
      for (std::size_t b = 0; b < s.images; ++b)
        for (std::size_t c = first; c < last; ++c)
          std::fill_n(images + b * g.image_size() + c * plane + pixel, n, bias ? bias[c] : T(0));
    };
    // A few channels at a time, so that their patches stay in cache.
    parallel_for(g.channels, Products::transpose_channels(g, s, share),
                 [&](std::size_t first, std::size_t last) {
      if (results.in_place) {
        if (bias) start(first, last, s.first, s.last - s.first);
        results.multiply(first, last, weight, images + first * plane + s.first, plane,
                         g.image_size(), bias != nullptr);
        return;
      }
      const scratch<T> patches((last - first) * area * s.columns());
      results.multiply(first * area, last * area, weight, patches.data(), s.columns(), 0, false);
      start(first, last, 0, plane);
      col2im(g, s, first, last, patches.data(), image);
    });
  });
}

/// The adjoint of patch_convolve in the weight.
template <class Products, class T>
void patch_convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                           T* weight) {
  // A task owns the weights of a few input channels and adds up the whole batch in order.
  const auto work = strips(g, Products::weight_columns);
  const typename Products::transposed_results results(g, work, result);
  parallel_for(g.channels, Products::weight_channels(g), [&](std::size_t first, std::size_t last) {
    typename Products::weight_sums sums(g, first, last, weight);
    for (std::size_t i = 0; i < work.size(); ++i) {
      const strip& s = work[i];
      if (g.pointwise() && s.images == 1) {
        const T* const pixels = image + s.image * g.image_size() + first * g.image_area() + s.first;
        sums.add(s.columns(), pixels, g.image_area(), results[i]);
        continue;
      }
      const scratch<T> patches((last - first) * g.kernel.area() * s.columns());
      im2col(g, s, first, last, image, patches.data());
      sums.add(s.columns(), patches.data(), s.columns(), results[i]);
    }
    sums.store();
  });
}

}  // namespace lift::detail
