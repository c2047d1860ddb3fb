// SPDX-License-Identifier: MIT

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/core/thread_pool.hpp>

#include "engine_on.hpp"

namespace lift::cli {

engine xtensor_engine() {
  engine result = engine_on<xtensor_backend>;
  result.instructions = xsimd::default_arch::name();
  result.use_threads = [](std::size_t n) {  // those of the library's own pool
    if (default_thread_pool().size() != n) default_thread_pool().resize(n);
  };
  return result;
}

}  // namespace lift::cli
