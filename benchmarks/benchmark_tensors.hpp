// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/cpu/xtensor_bf16_backend.hpp>
#include <lift/tensor/noise.hpp>

#include "benchmark_options.hpp"

namespace lift::bench {

using tensor_f = tensor<xtensor_backend, float>;
using tensor_bf16 = tensor<xtensor_bf16_backend, float>;

/// As networks of xtensor_bf16_backend keep them, images with the channels last.
using stored_bf16 = tensor<xtensor_bf16_backend, bfloat16>;

/// Standard normal numbers that differ for different samples.
template <class Tensor = tensor_f>
Tensor normal(const shape& s, std::uint64_t sample = 0) {
  const random_stream stream{.seed = 1, .use = purpose::probe};
  if constexpr (std::is_same_v<Tensor, stored_bf16>)
    return normal<tensor_bf16>(s, sample).template stored_as<bfloat16>(
        memory_layout::channels_last);
  else
    return normal_noise<Tensor>(s, stream, sample);
}

}  // namespace lift::bench
