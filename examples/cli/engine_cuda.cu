// SPDX-License-Identifier: MIT

#include <string_view>

#include <lift/backend/cuda/cuda_backend.hpp>

#include "engine_on.hpp"

const lift::cli::engine* lift_cuda_engine(const char* name) {
  using namespace lift;
  static constexpr cli::engine all[] = {cli::engine_on<cuda_backend>, cli::engine_on<cuda_tf32_backend>,
                                        cli::engine_on<cuda_bf16_backend>};
  for (const cli::engine& each : all)
    if (each.name == std::string_view(name)) return &each;
  return nullptr;
}
