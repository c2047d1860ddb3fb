// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/cpu/xtensor_bf16_backend.hpp>
#include <lift/tensor/noise.hpp>

#include "benchmark_options.hpp"

namespace lift::bench {

using tensor_f = tensor<xtensor_backend, float>;
using tensor_bf16 = tensor<xtensor_bf16_backend, float>;

/// Standard normal numbers that differ for different samples.
template <class Tensor = tensor_f>
Tensor normal(const shape& s, std::uint64_t sample = 0) {
  return normal_noise<Tensor>(s, random_stream{.seed = 1, .use = purpose::probe}, sample);
}

}  // namespace lift::bench
