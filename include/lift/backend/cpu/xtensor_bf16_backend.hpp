// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <lift/backend/cpu/bfloat16_attention.hpp>
#include <lift/backend/cpu/bfloat16_convolution.hpp>
#include <lift/backend/cpu/bfloat16_pixel_attention.hpp>
#include <lift/backend/cpu/bfloat16_pixel_convolution.hpp>
#include <lift/backend/cpu/bfloat16_pixel_weight_gradient.hpp>
#include <lift/backend/cpu/bfloat16_weight_gradient.hpp>
#include <lift/backend/cpu/pixel_group_norm.hpp>
#include <lift/backend/cpu/xtensor_backend.hpp>

namespace lift {

namespace detail {

/// The verbs of xtensor_bf16_backend for channels first.
struct bfloat16_xtensor_verbs : fast_xtensor_verbs {
  template <class T>
  static constexpr bool rounded = std::is_same_v<T, float>;
  template <class T>
  static constexpr bool stored_rounded = std::is_same_v<T, bfloat16>;

  /// What convolutions take as it is: bfloat16 images with the channels last, others with the
  /// channels first.
  template <class T>
  static bool convolves(const convolution_geometry& g) {
    constexpr auto layout =
        stored_rounded<T> ? memory_layout::channels_last : memory_layout::channels_first;
    return (rounded<T> || stored_rounded<T> || is_own_accumulator<T>)&&g.layout == layout &&
           g.weight_layout == layout;
  }

  template <class T>
  static void convolve(const convolution_geometry& g, const T* image, const T* weight,
                       const convolution_epilogue<T>& epilogue, T* result) {
    if constexpr (rounded<T> || stored_rounded<T>)
      bfloat16_convolve(g, image, weight, epilogue, result);
    else
      fast_xtensor_verbs::convolve(g, image, weight, epilogue, result);
  }

  template <class T>
  static void convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                                 const T* bias, T* image) {
    if constexpr (rounded<T> || stored_rounded<T>)
      bfloat16_convolve_transpose(g, result, weight, bias, image);
    else
      fast_xtensor_verbs::convolve_transpose(g, result, weight, bias, image);
  }

  template <class T>
  static void convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                              T* weight) {
    if constexpr (rounded<T> || stored_rounded<T>)
      bfloat16_weight_gradient(g, image, result, weight);
    else
      fast_xtensor_verbs::convolve_weight(g, image, result, weight);
  }

  /// Whether there is attention for numbers of type T.
  template <class T>
  static constexpr bool attends = rounded<T> || (wide && is_own_accumulator<T>);

  template <class T>
    requires attends<T>
  static void attend(const attention_geometry& g, const T* qkv, T* y) {
    if constexpr (rounded<T>)
      attention_of_heads<bfloat16_head>(g, qkv, y);
    else
      fast_xtensor_verbs::attend(g, qkv, y);
  }

  template <class T>
    requires attends<T>
  static void attend_tangents(const attention_geometry& g, std::size_t tangents, const T* qkv,
                              const T* dqkv, T* dy) {
    if constexpr (rounded<T>)
      attention_tangents_of_heads<bfloat16_head>(g, tangents, qkv, dqkv, dy);
    else
      fast_xtensor_verbs::attend_tangents(g, tangents, qkv, dqkv, dy);
  }

  template <class T>
    requires attends<T>
  static void attend_gradient(const attention_geometry& g, const T* qkv, const T* w, T* gradient) {
    if constexpr (rounded<T>)
      attention_gradient_of_heads<bfloat16_head>(g, qkv, w, gradient);
    else
      fast_xtensor_verbs::attend_gradient(g, qkv, w, gradient);
  }

  /// Attention and group normalisation of bfloat16 images with the channels last.
  static void attend_pixels(const attention_geometry& g, const bfloat16* qkv, bfloat16* y) {
    bfloat16_attend_pixels(g, qkv, y);
  }
  static void attend_pixels_gradient(const attention_geometry& g, const bfloat16* qkv,
                                     const bfloat16* w, bfloat16* gradient) {
    bfloat16_attend_pixels_gradient(g, qkv, w, gradient);
  }
  template <class Activation>
  static void normalise_pixels(const group_norm_geometry& g, float epsilon, const bfloat16* x,
                               const bfloat16* gamma, const bfloat16* beta, float* mean,
                               float* rstd, bfloat16* y) {
    for_each_pixel_groups<Activation>(g, gamma, beta, [&](const auto& groups) {
      groups.normalise(epsilon, x, mean, rstd, y);
    });
  }
  template <class Activation>
  static void normalise_pixels_gradient(const group_norm_geometry& g, const bfloat16* x,
                                        const bfloat16* gamma, const bfloat16* beta,
                                        const float* mean, const float* rstd, const bfloat16* w,
                                        bfloat16* dx, float* products, float* sums) {
    for_each_pixel_groups<Activation>(g, gamma, beta, [&](const auto& groups) {
      groups.differentiate(x, mean, rstd, w, dx, products, sums);
    });
  }
};

}  // namespace detail

/// The CPU backend with the factors of float32 convolutions and attention rounded to bfloat16, 7
/// bits of fraction, and sums in float32: by the tiles of AMX or the dot products of AVX-512-BF16
/// where the processor has them, else with float32 arithmetic, which is slower than
/// xtensor_backend. Tensors stay float32; double precision is that of xtensor_backend.
///
/// The first convolution or attention asks the Linux kernel for the use of AMX (arch_prctl), for
/// the whole process.
struct xtensor_bf16_backend : any_storage<detail::bfloat16_xtensor_verbs> {
  /// What networks keep their weights and all between their layers in where they are evaluated.
  using network_storage = bfloat16;
  static constexpr const char* name = "xtensor-bf16";
};

static_assert(backend<xtensor_bf16_backend>);
static_assert(attention_backend<xtensor_bf16_backend, float>);
static_assert(!xtensor_bf16_backend::wide || attention_backend<xtensor_bf16_backend, double>);

}  // namespace lift
