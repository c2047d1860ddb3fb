// SPDX-License-Identifier: MIT
#pragma once

// The CUDA backend whose products are TF32; for nvcc alone.

#include <lift/backend/cuda/cuda_network_verbs.hpp>

namespace lift {

/// Factors rounded to 10 bits of fraction (TF32), for the tensor cores.
struct tf32_products {
  static constexpr const char* name = "cuda-tf32";
  static constexpr bool rounds = true;
  static constexpr cublasComputeType_t gemm = CUBLAS_COMPUTE_32F_FAST_TF32;
};

/// The CUDA backend whose factors of products are rounded to TF32, 10 bits of fraction; tensors,
/// weights, sums and statistics are float32. Networks have images with the channels last between their
/// layers, as cuDNN convolves them (stored_network, loss_and_gradients).
struct cuda_tf32_backend : cuda_backend_of<detail::cuda_network_verbs<tf32_products, float>> {
  /// What networks keep their weights and all between their layers in.
  using network_storage = float;
};

static_assert(backend<cuda_tf32_backend>);
static_assert(!pixel_attention_backend<cuda_tf32_backend, float>);
static_assert(pixel_group_norm_backend<cuda_tf32_backend, float, op::silu>);
static_assert(pixel_joining_backend<cuda_tf32_backend, float>);

}  // namespace lift
