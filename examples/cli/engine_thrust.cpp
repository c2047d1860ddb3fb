// SPDX-License-Identifier: MIT

#include <omp.h>
#include <xsimd/xsimd.hpp>

#include <lift/backend/thrust/thrust_host.hpp>

#include "engine_on.hpp"

namespace lift::cli {

engine thrust_cpp_engine() {
  engine result = engine_on<thrust_cpp_backend>;
  result.instructions = xsimd::default_arch::name();
  return result;
}

engine thrust_omp_engine() {
  engine result = engine_on<thrust_omp_backend>;
  result.instructions = xsimd::default_arch::name();
  result.use_threads = [](std::size_t n) { omp_set_num_threads(static_cast<int>(n)); };
  return result;
}

}  // namespace lift::cli
