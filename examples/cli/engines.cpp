// SPDX-License-Identifier: MIT

#include <lift/core/thread_pool.hpp>

#include "engine.hpp"

namespace lift::cli {

// Each defined where it is compiled.
engine xtensor_engine();
#ifdef LIFT_HAS_THRUST
engine thrust_cpp_engine();
engine thrust_omp_engine();
#endif
#ifdef LIFT_HAS_CUDA
engine cuda_engine();
engine cuda_tf32_engine();
engine cuda_bf16_engine();
#endif

std::span<const engine> engines() {
  static const std::vector<engine> all = {xtensor_engine(),
#ifdef LIFT_HAS_THRUST
                                          thrust_cpp_engine(), thrust_omp_engine(),
#endif
#ifdef LIFT_HAS_CUDA
                                          cuda_engine(), cuda_tf32_engine(), cuda_bf16_engine(),
#endif
  };
  return all;
}

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const engine& e : engines()) names.emplace_back(e.name);
  return names;
}

const engine& find_engine(const std::string& name) {
  for (const engine& e : engines())
    if (name == e.name) {
      if (e.use_threads) e.use_threads(default_thread_pool().size());
      return e;
    }
  throw error(text("unknown backend \"", name, "\""));
}

}  // namespace lift::cli
