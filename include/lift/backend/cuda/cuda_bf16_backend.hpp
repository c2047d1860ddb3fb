// SPDX-License-Identifier: MIT
#pragma once

// The CUDA backend for networks in bfloat16; for nvcc alone.

#include <lift/backend/cuda/cuda_network_verbs.hpp>
#include <lift/backend/cuda/cuda_tf32_backend.hpp>

namespace lift {

/// TF32 beside networks in bfloat16.
struct bfloat16_networks : tf32_products {
  static constexpr const char* name = "cuda-bf16";
};

/// The CUDA backend for networks in bfloat16, 7 bits of fraction. Networks whose tensors are float32
/// are evaluated, differentiated and trained with weights and all between their layers stored so
/// (stored_network, loss_and_gradients), images with the channels last; sums, statistics, gradients
/// that an optimiser sees and its weights are float32. Tensors of float32 and double that one
/// computes with are those of cuda_tf32_backend.
struct cuda_bf16_backend : cuda_backend_of<detail::cuda_network_verbs<bfloat16_networks, bfloat16>> {
  /// What networks keep their weights and all between their layers in.
  using network_storage = bfloat16;
};

static_assert(backend<cuda_bf16_backend>);
static_assert(pixel_attention_backend<cuda_bf16_backend, bfloat16>);
static_assert(pixel_group_norm_backend<cuda_bf16_backend, bfloat16, op::silu>);
static_assert(pixel_joining_backend<cuda_bf16_backend, bfloat16>);

}  // namespace lift
