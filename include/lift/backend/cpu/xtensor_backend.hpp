// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>

#include <lift/backend/any_storage.hpp>
#include <lift/backend/cpu/panel_attention.hpp>
#include <lift/backend/cpu/panel_convolution.hpp>
#include <lift/backend/cpu/winograd_convolution.hpp>
#include <lift/backend/cpu/winograd_lines.hpp>
#include <lift/backend/cpu/winograd_resampling.hpp>
#include <lift/backend/cpu/xtensor_convolution.hpp>

namespace lift {

/// The CPU backend with the plain form of every verb, the one the fast kernels are checked against:
/// xtensor's buffers, xsimd, xtensor-blas, and all cores through the default thread pool. One
/// thread and many give the same bytes.
struct plain_xtensor_backend : any_storage<xtensor_convolution> {
  static constexpr const char* name = "plain-xtensor";
};

static_assert(backend<plain_xtensor_backend>);

namespace detail {

/// The verbs of xtensor_backend for channels first.
struct fast_xtensor_verbs : xtensor_convolution {
  /// Whether the vectors here are wide enough for products of our own to be the faster ones.
  static constexpr bool wide = xsimd::batch<float>::size >= 8;
  /// Whether convolutions of numbers of type T are fast ones.
  template <class T>
  static constexpr bool fast = wide && std::is_same_v<T, float>;

  template <class T>
  static void convolve(const convolution_geometry& g, const T* image, const T* weight,
                       const convolution_epilogue<T>& epilogue, T* result);
  template <class T>
  static void convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                                 const T* bias, T* image);
  template <class T>
  static void convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                              T* weight);

  template <class T>
    requires(fast<T>)
  static void convolve_branches(const convolution_geometry& g, const T* image,
                                std::span<const convolution_branch<T>> branches) {
    std::size_t outputs = 0;
    for (const convolution_branch<T>& b : branches) outputs += b.out_channels;
    if (g.pointwise() && runs_of_pixels_pay(g, outputs)) return convolve_pixels(g, image, branches);
    for (const convolution_branch<T>& b : branches)
      convolve(g.with_outputs(b.out_channels), image, b.weight, b.epilogue, b.result);
  }

  template <class T>
    requires(wide && is_own_accumulator<T>)
  static void attend(const attention_geometry& g, const T* qkv, T* y) {
    panel_attention(g, qkv, y);
  }

  template <class T>
    requires(wide && is_own_accumulator<T>)
  static void attend_tangents(const attention_geometry& g, std::size_t tangents, const T* qkv,
                              const T* dqkv, T* dy) {
    panel_attention_tangents(g, tangents, qkv, dqkv, dy);
  }

  template <class T>
    requires(wide && is_own_accumulator<T>)
  static void attend_gradient(const attention_geometry& g, const T* qkv, const T* w, T* gradient) {
    panel_attention_gradient(g, qkv, w, gradient);
  }
};

template <class T>
void fast_xtensor_verbs::convolve(const convolution_geometry& g, const T* image, const T* weight,
                               const convolution_epilogue<T>& epilogue, T* result) {
  if constexpr (!fast<T>) {
    xtensor_convolution::convolve(g, image, weight, epilogue, result);
  } else if (winograd_pays(g)) {
    winograd_convolve(g, image, weight, epilogue, result);
  } else if (winograd_lines_pay(g)) {
    winograd_convolve_lines(g, image, weight, epilogue, result);
  } else if (winograd_resampling_pays<T>(g)) {
    winograd_halve(g, image, weight, epilogue, result);
  } else {
    panel_convolve(g, image, weight, epilogue, result);
  }
}

template <class T>
void fast_xtensor_verbs::convolve_transpose(const convolution_geometry& g, const T* result,
                                         const T* weight, const T* bias, T* image) {
  if constexpr (!fast<T>) {
    xtensor_convolution::convolve_transpose(g, result, weight, bias, image);
  } else if (winograd_pays(adjoint(g))) {
    winograd_convolve_transpose(g, result, weight, bias, image);
  } else if (winograd_resampling_pays<T>(g)) {
    winograd_double(g, result, weight, bias, image);
  } else {
    panel_convolve_transpose(g, result, weight, bias, image);
  }
}

template <class T>
void fast_xtensor_verbs::convolve_weight(const convolution_geometry& g, const T* image,
                                      const T* result, T* weight) {
  if constexpr (!fast<T>)
    xtensor_convolution::convolve_weight(g, image, result, weight);
  else if (g.batch == 0)
    std::fill_n(weight, g.out_channels * g.patch(), T(0));
  else if (winograd_pays(g, 24))
    winograd_weight_gradient(g, image, result, weight);
  else
    panel_convolve_weight(g, image, result, weight);
}

}  // namespace detail

/// The CPU backend. In float32, on processors with vectors of eight numbers or more (AVX2,
/// AVX-512), its convolutions are kernels of their own: 3×3 ones by Winograd's F(4×4, 3×3), within
/// 10⁻⁵ of the plain ones in relative L2, and so those of 4×4 that halve or double an image and,
/// forward, those of 3, 5 or 7 pixels along an axis; the others as products of panels, and so is
/// attention, in either precision.
struct xtensor_backend : any_storage<detail::fast_xtensor_verbs> {
  static constexpr const char* name = "xtensor";
};

static_assert(backend<xtensor_backend>);
static_assert(!xtensor_backend::wide || attention_backend<xtensor_backend, float>);

}  // namespace lift
