// SPDX-License-Identifier: MIT
#pragma once

// The CUDA backend for networks in bfloat16; for nvcc alone.

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <lift/backend/cuda/column_sums.hpp>
#include <lift/backend/cuda/cuda_backend.hpp>
#include <lift/backend/cuda/flash_attention.hpp>
#include <lift/backend/cuda/pixel_epilogue.hpp>
#include <lift/backend/cuda/pixel_group_norm.hpp>

namespace lift {

namespace detail {

/// The verbs of cuda_bf16_backend: those of cuda_tf32_backend, and more for bfloat16 images with the
/// channels last.
struct bfloat16_cuda_verbs : thrust_verbs<thrust_cuda_system<bfloat16_networks>> {
  using verbs = thrust_verbs<thrust_cuda_system<bfloat16_networks>>;

  template <class T>
  static constexpr bool multiplies = std::is_same_v<T, bfloat16>;

  using verbs::reduce;
  static void reduce(sum r, std::size_t outer, std::size_t keep, std::size_t inner, float* out,
                     const kernel::identity& f, const operand<bfloat16>& x) {
    if (inner == 1 && keep > 1 && x.run == 1 && x.count == outer * keep)
      column_sums(1, outer, keep, x.data, out);
    else
      verbs::reduce(r, outer, keep, inner, out, f, x);
  }
  static void sum_rows(std::size_t batch, std::size_t rows, std::size_t columns, const bfloat16* x,
                       float* sums) {
    column_sums(batch, rows, columns, x, sums);
  }

#ifdef LIFT_WITH_CUDNN
  /// What convolutions take as it is.
  template <class T>
  static bool convolves(const convolution_geometry& g) {
    constexpr auto first = memory_layout::channels_first, last = memory_layout::channels_last;
    if constexpr (is_own_accumulator<T>)
      return g.layout == first && g.weight_layout == first;
    else
      return g.layout == last && g.weight_layout == last && plan(g);
  }

  using verbs::convolve;
  using verbs::convolve_transpose;
  using verbs::convolve_weight;
  static void convolve(const convolution_geometry& g, const bfloat16* image, const bfloat16* weight,
                       const convolution_epilogue<bfloat16>& epilogue, bfloat16* result) {
    finish(g.batch, g.out_channels, g.out_area(), plan(g)->forward(image, weight, epilogue, result),
           result);
  }
  static void convolve_transpose(const convolution_geometry& g, const bfloat16* result,
                                 const bfloat16* weight, const bfloat16* bias, bfloat16* image) {
    plan(g)->backward_image(result, weight, image);
    finish(g.batch, g.channels, g.image_area(), {.bias = bias}, image);
  }
  static void convolve_weight(const convolution_geometry& g, const bfloat16* image,
                              const bfloat16* result, bfloat16* weight) {
    plan(g)->backward_weight(image, result, weight);
  }
#endif

  static bool attends_pixels(const attention_geometry& g) { return has_flash_attention(g); }
  static void attend_pixels(const attention_geometry& g, const bfloat16* qkv, bfloat16* y) {
    flash_attention(g, qkv, y);
  }
  static void attend_pixels_tangents(const attention_geometry& g, std::size_t tangents,
                                     const bfloat16* qkv, const bfloat16* dqkv, bfloat16* dy) {
    flash_attention_tangents(g, tangents, qkv, dqkv, dy);
  }
  static void attend_pixels_gradient(const attention_geometry& g, const bfloat16* qkv,
                                     const bfloat16* w, bfloat16* gradient) {
    flash_attention_gradient(g, qkv, w, gradient);
  }

  template <class Activation>
  static void normalise_pixels(const group_norm_geometry& g, float epsilon, const bfloat16* x,
                               const bfloat16* gamma, const bfloat16* beta, float* mean,
                               float* rstd, bfloat16* y) {
    detail::normalise_pixels<Activation>(g, epsilon, x, gamma, beta, mean, rstd, y);
  }
  template <class Activation>
  static void normalise_pixels_tangents(const group_norm_geometry& g, std::size_t tangents,
                                        const bfloat16* x, const bfloat16* gamma,
                                        const bfloat16* beta, const float* mean, const float* rstd,
                                        const bfloat16* d, bfloat16* dy) {
    detail::normalise_pixels_tangents<Activation>(g, tangents, x, gamma, beta, mean, rstd, d, dy);
  }
  template <class Activation>
  static void normalise_pixels_gradient(const group_norm_geometry& g, const bfloat16* x,
                                        const bfloat16* gamma, const bfloat16* beta,
                                        const float* mean, const float* rstd, const bfloat16* w,
                                        bfloat16* dx, float* products, float* sums) {
    detail::normalise_pixels_gradient<Activation>(g, x, gamma, beta, mean, rstd, w, dx, products,
                                                  sums);
  }

 private:
#ifdef LIFT_WITH_CUDNN
  /// Null where cuDNN has none.
  static cudnn_convolution<bfloat16>* plan(const convolution_geometry& g) {
    require_index(g.batch * std::max(g.image_size(), g.result_size()));
    return cudnn_convolution<bfloat16>::of(g, true);
  }

  static void finish(std::size_t batch, std::size_t channels, std::size_t area,
                     const convolution_epilogue<bfloat16>& epilogue, bfloat16* result) {
    if (!epilogue.does_something()) return;
    constexpr std::size_t together = 8;
    const auto with = [&]<std::size_t N>() {
      for_each(batch * area * channels / N,
               kernel::finish_pixels<bfloat16, N>(channels, area, epilogue, result));
    };
    const bool whole = takes_packets<together>(result, channels) &&
                       takes_packets<together>(epilogue.bias) &&
                       takes_packets<together>(epilogue.vectors) &&
                       takes_packets<together>(epilogue.images);
    if (whole)
      with.template operator()<together>();
    else
      with.template operator()<1>();
  }
#endif
};

}  // namespace detail

/// The CUDA backend for networks in bfloat16, 7 bits of fraction. Networks whose tensors are float32
/// are evaluated, differentiated and trained with weights and all between their layers stored so
/// (stored_network, loss_and_gradients), images with the channels last; sums, statistics, gradients
/// that an optimiser sees and its weights are float32. Tensors of float32 and double that one
/// computes with are those of cuda_tf32_backend.
struct cuda_bf16_backend : cuda_backend_of<detail::bfloat16_cuda_verbs> {
  /// What networks keep their weights and all between their layers in.
  using network_storage = bfloat16;
};

static_assert(backend<cuda_bf16_backend>);
static_assert(pixel_attention_backend<cuda_bf16_backend, bfloat16>);

}  // namespace lift
