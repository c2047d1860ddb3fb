// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/cpu/bfloat16_attention.hpp>
#include <lift/backend/cpu/bfloat16_convolution.hpp>
#include <lift/backend/cpu/bfloat16_group_norm.hpp>
#include <lift/backend/cpu/bfloat16_sums.hpp>
#include <lift/backend/cpu/bfloat16_weight_gradient.hpp>
#include <lift/backend/cpu/xtensor_backend.hpp>

namespace lift {

namespace detail {

/// The verbs of xtensor_bf16_backend: those of xtensor_backend, and more for bfloat16 images with
/// the channels last.
struct bfloat16_xtensor_verbs : fast_xtensor_verbs {
  /// What convolutions take as it is.
  template <class T>
  static bool convolves(const convolution_geometry& g) {
    constexpr auto layout =
        is_own_accumulator<T> ? memory_layout::channels_first : memory_layout::channels_last;
    return g.layout == layout &&
           (g.weight_layout == layout ||
            (!is_own_accumulator<T> && g.weight_layout == memory_layout::packed_kernels));
  }

  using fast_xtensor_verbs::reduce;
  static void reduce(sum r, std::size_t outer, std::size_t keep, std::size_t inner, float* out,
                     const kernel::identity& f, const operand<bfloat16>& x) {
    if (inner == 1 && keep > 1 && x.run == 1 && x.count == outer * keep)
      bfloat16_sum_rows(outer, keep, x.data, out);
    else
      fast_xtensor_verbs::reduce(r, outer, keep, inner, out, f, x);
  }

  static bool packs_kernels(std::size_t out_channels, std::size_t channels) {
    return out_channels % product_side == 0 && channels % step_depth == 0;
  }
  static void pack_kernels(std::size_t out_channels, std::size_t channels, std::size_t area,
                           const bfloat16* from, bfloat16* to) {
    bfloat16_pack_kernels(out_channels, channels, area, from, to);
  }

  using fast_xtensor_verbs::convolve;
  using fast_xtensor_verbs::convolve_transpose;
  using fast_xtensor_verbs::convolve_weight;
  static void convolve(const convolution_geometry& g, const bfloat16* image, const bfloat16* weight,
                       const convolution_epilogue<bfloat16>& epilogue, bfloat16* result) {
    bfloat16_convolve(g, image, weight, epilogue, result);
  }
  static void convolve_transpose(const convolution_geometry& g, const bfloat16* result,
                                 const bfloat16* weight, const bfloat16* bias, bfloat16* image) {
    bfloat16_convolve_transpose(g, result, weight, bias, image);
  }
  static void convolve_weight(const convolution_geometry& g, const bfloat16* image,
                              const bfloat16* result, bfloat16* weight) {
    bfloat16_weight_gradient(g, image, result, weight);
  }

  static void attend_pixels(const attention_geometry& g, const bfloat16* qkv, bfloat16* y) {
    bfloat16_attention(g, qkv, y);
  }
  static void attend_pixels_tangents(const attention_geometry& g, std::size_t tangents,
                                     const bfloat16* qkv, const bfloat16* dqkv, bfloat16* dy) {
    bfloat16_attention_tangents(g, tangents, qkv, dqkv, dy);
  }
  static void attend_pixels_gradient(const attention_geometry& g, const bfloat16* qkv,
                                     const bfloat16* w, bfloat16* gradient) {
    bfloat16_attention_gradient(g, qkv, w, gradient);
  }

  template <class Activation>
  static void normalise_pixels(const group_norm_geometry& g, const group_norm_input<bfloat16>& in,
                               float epsilon, float* mean, float* rstd, bfloat16* y) {
    for_each_pixel_groups<Activation>(
        g, in, [&](const auto& groups) { groups.normalise(epsilon, mean, rstd, y); });
  }
  template <class Activation>
  static void normalise_pixels_tangents(const group_norm_geometry& g,
                                        const group_norm_input<bfloat16>& in, const float* mean,
                                        const float* rstd, std::size_t tangents, const bfloat16* d,
                                        bfloat16* dy) {
    for_each_pixel_groups<Activation>(g, in, [&](const auto& groups) {
      groups.differentiate_along(mean, rstd, tangents, d, dy);
    });
  }
  template <class Activation>
  static void normalise_pixels_gradient(const group_norm_geometry& g,
                                        const group_norm_input<bfloat16>& in, const float* mean,
                                        const float* rstd, const bfloat16* w, bfloat16* dx,
                                        float* products, float* sums) {
    for_each_pixel_groups<Activation>(g, in, [&](const auto& groups) {
      groups.differentiate(mean, rstd, w, dx, products, sums);
    });
  }
};

}  // namespace detail

/// The CPU backend for networks in bfloat16, 7 bits of fraction. Networks whose tensors are float32
/// are evaluated, differentiated and trained with weights and all between their layers stored so
/// (stored_network, loss_and_gradients), images with the channels last; sums, statistics, gradients
/// that an optimiser sees and its weights are float32. Tensors of float32 and double that one
/// computes with are those of xtensor_backend.
///
/// Products are made by the tiles of AMX or the dot products of AVX-512-BF16 where the processor
/// has them, else with float32 arithmetic, which is slower than xtensor_backend. The first of them
/// asks the Linux kernel for the use of AMX (arch_prctl), for the whole process.
struct xtensor_bf16_backend : any_storage<detail::bfloat16_xtensor_verbs> {
  static constexpr const char* name = "xtensor-bf16";
  /// What networks keep their weights and all between their layers in.
  using network_storage = bfloat16;
};

static_assert(backend<xtensor_bf16_backend>);
static_assert(pixel_attention_backend<xtensor_bf16_backend, bfloat16>);
static_assert(pixel_group_norm_backend<xtensor_bf16_backend, bfloat16, op::silu>);

}  // namespace lift
