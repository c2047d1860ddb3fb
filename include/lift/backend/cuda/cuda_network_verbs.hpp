// SPDX-License-Identifier: MIT
#pragma once

// What CUDA backends that keep networks with the channels last have in common; for nvcc alone.

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <lift/backend/cuda/column_sums.hpp>
#include <lift/backend/cuda/cuda_backend.hpp>
#include <lift/backend/cuda/flash_attention.hpp>
#include <lift/backend/cuda/pixel_epilogue.hpp>
#include <lift/backend/cuda/pixel_group_norm.hpp>

namespace lift::detail {

/// The verbs of a CUDA backend that keeps networks in numbers N, float or bfloat16: those of all, and
/// more for images of such numbers with the channels last, attention of bfloat16 alone.
template <class Products, class N>
struct cuda_network_verbs : thrust_verbs<thrust_cuda_system<Products>> {
  using verbs = thrust_verbs<thrust_cuda_system<Products>>;
  static constexpr bool attends = std::is_same_v<N, bfloat16>;

  template <class T>
  static constexpr bool multiplies = std::is_same_v<T, N>;

  using verbs::reduce;
  static void reduce(sum r, std::size_t outer, std::size_t keep, std::size_t inner, float* out,
                     const kernel::identity& f, const operand<N>& x) {
    if (inner == 1 && keep > 1 && x.run == 1 && x.count == outer * keep)
      column_sums(1, outer, keep, x.data, out);
    else
      verbs::reduce(r, outer, keep, inner, out, f, x);
  }
  static void sum_rows(std::size_t batch, std::size_t rows, std::size_t columns, const N* x,
                       float* sums) {
    column_sums(batch, rows, columns, x, sums);
  }

#ifdef LIFT_WITH_CUDNN
  /// What convolutions take as it is.
  template <class T>
  static bool convolves(const convolution_geometry& g) {
    constexpr auto first = memory_layout::channels_first, last = memory_layout::channels_last;
    if (std::is_same_v<T, N> && g.layout == last && g.weight_layout == last) return plan(g);
    return is_own_accumulator<T> && g.layout == first && g.weight_layout == first;
  }

  using verbs::convolve;
  using verbs::convolve_transpose;
  using verbs::convolve_weight;
  static void convolve(const convolution_geometry& g, const N* image, const N* weight,
                       const convolution_epilogue<N>& epilogue, N* result) {
    if constexpr (is_own_accumulator<N>)
      if (in_planes(g)) return verbs::convolve(g, image, weight, epilogue, result);
    finish(g.batch, g.out_channels, g.out_area(), plan(g)->forward(image, weight, epilogue, result),
           result);
  }
  static void convolve_transpose(const convolution_geometry& g, const N* result, const N* weight,
                                 const N* bias, N* image) {
    if constexpr (is_own_accumulator<N>)
      if (in_planes(g)) return verbs::convolve_transpose(g, result, weight, bias, image);
    plan(g)->backward_image(result, weight, image);
    finish(g.batch, g.channels, g.image_area(), {.bias = bias}, image);
  }
  static void convolve_weight(const convolution_geometry& g, const N* image, const N* result,
                              N* weight) {
    if constexpr (is_own_accumulator<N>)
      if (in_planes(g)) return verbs::convolve_weight(g, image, result, weight);
    plan(g)->backward_weight(image, result, weight);
  }
#endif

  static void join_pixels(std::size_t pixels, std::size_t a_channels, const N* a, const N* bias,
                          std::size_t b_channels, const N* b, N* y) {
    verbs::require_index(pixels * (a_channels + b_channels));
    const bool whole = takes_packets<together>(a, a_channels) &&
                       takes_packets<together>(b, b_channels) && all_take_packets(bias, y);
    in_packets(whole, [&]<std::size_t P>() {
      verbs::for_each(pixels * (a_channels + b_channels) / P,
                      kernel::join_pixels<N, P>(a_channels, a, bias, b_channels, b, y));
    });
  }

  static bool attends_pixels(const attention_geometry& g)
    requires(attends)
  {
    return has_flash_attention(g);
  }
  static void attend_pixels(const attention_geometry& g, const bfloat16* qkv, bfloat16* y)
    requires(attends)
  {
    flash_attention(g, qkv, y);
  }
  static void attend_pixels_tangents(const attention_geometry& g, std::size_t tangents,
                                     const bfloat16* qkv, const bfloat16* dqkv, bfloat16* dy)
    requires(attends)
  {
    flash_attention_tangents(g, tangents, qkv, dqkv, dy);
  }
  static void attend_pixels_gradient(const attention_geometry& g, const bfloat16* qkv,
                                     const bfloat16* w, bfloat16* gradient)
    requires(attends)
  {
    flash_attention_gradient(g, qkv, w, gradient);
  }

  template <class Activation>
  static void normalise_pixels(const group_norm_geometry& g, const group_norm_input<N>& in,
                               float epsilon, float* mean, float* rstd, N* y) {
    detail::normalise_pixels<Activation>(g, in, epsilon, mean, rstd, y);
  }
  template <class Activation>
  static void normalise_pixels_tangents(const group_norm_geometry& g, const group_norm_input<N>& in,
                                        const float* mean, const float* rstd, std::size_t tangents,
                                        const N* d, N* dy) {
    detail::normalise_pixels_tangents<Activation>(g, in, mean, rstd, tangents, d, dy);
  }
  template <class Activation>
  static void normalise_pixels_gradient(const group_norm_geometry& g, const group_norm_input<N>& in,
                                        const float* mean, const float* rstd, const N* w, N* dx,
                                        float* products, float* sums) {
    detail::normalise_pixels_gradient<Activation>(g, in, mean, rstd, w, dx, products, sums);
  }

 private:
  static constexpr std::size_t together = 16 / sizeof(N);

  /// f<P>() for packets of P numbers: of 16 bytes, or of one number where not all are whole.
  template <class F>
  static void in_packets(bool whole, const F& f) {
    if (whole)
      f.template operator()<together>();
    else
      f.template operator()<1>();
  }

#ifdef LIFT_WITH_CUDNN
  static bool in_planes(const convolution_geometry& g) {
    return g.layout == memory_layout::channels_first;
  }
  /// Null where cuDNN has none.
  static cudnn_convolution<N>* plan(const convolution_geometry& g) {
    verbs::require_index(g.batch * std::max(g.image_size(), g.result_size()));
    return cudnn_convolution<N>::of(g, true);
  }

  static void finish(std::size_t batch, std::size_t channels, std::size_t area,
                     const convolution_epilogue<N>& epilogue, N* result) {
    if (!epilogue.does_something()) return;
    const bool whole = takes_packets<together>(result, channels) &&
                       all_take_packets(epilogue.bias, epilogue.vectors, epilogue.images);
    in_packets(whole, [&]<std::size_t P>() {
      verbs::for_each(batch * area * channels / P,
                      kernel::finish_pixels<N, P>(channels, area, epilogue, result));
    });
  }
#endif
};

}  // namespace lift::detail
