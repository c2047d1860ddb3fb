// SPDX-License-Identifier: MIT
#include <lift/backend/cuda/cuda_bf16_backend.hpp>

#include "same_numbers.hpp"

std::vector<lift::test::backend_under_test> lift::test::backends_under_test() {
  if (!has_cuda_device()) return {};
  return {{cuda_backend::name, compute_numbers<tensor<cuda_backend, float>>},
          {cuda_tf32_backend::name, compute_numbers<tensor<cuda_tf32_backend, float>>, 0.03},
          {cuda_bf16_backend::name, compute_numbers<tensor<cuda_bf16_backend, float>>, 0.1}};
}
