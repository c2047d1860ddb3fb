// SPDX-License-Identifier: MIT
#include <lift/backend/cpu/compiled_kernels.hpp>

#include "same_numbers.hpp"

std::vector<lift::test::numbers> lift::test::cpu_numbers() {
  return compute_numbers<tensor<plain_xtensor_backend, float>>();
}
