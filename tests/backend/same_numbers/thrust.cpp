// SPDX-License-Identifier: MIT
#include <lift/backend/thrust/thrust_host.hpp>

#include "same_numbers.hpp"

std::vector<lift::test::backend_under_test> lift::test::backends_under_test() {
  return {{thrust_cpp_backend::name, compute_numbers<tensor<thrust_cpp_backend, float>>},
          {thrust_omp_backend::name, compute_numbers<tensor<thrust_omp_backend, float>>}};
}
