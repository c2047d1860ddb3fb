// SPDX-License-Identifier: MIT

#include <lift/backend/cuda/cuda_backend.hpp>

#include "engine_on.hpp"

namespace lift::cli {

engine cuda_engine() { return engine_on<cuda_backend>; }
engine cuda_tf32_engine() { return engine_on<cuda_tf32_backend>; }
engine cuda_bf16_engine() { return engine_on<cuda_bf16_backend>; }

}  // namespace lift::cli
