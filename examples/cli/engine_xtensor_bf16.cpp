// SPDX-License-Identifier: MIT

#include <lift/backend/cpu/xtensor_bf16_backend.hpp>

#include "engine_on.hpp"

namespace lift::cli {

engine xtensor_bf16_engine() {
  engine result = engine_on<xtensor_bf16_backend>;
  result.instructions = detail::bfloat16_units().front().name;
  return result;
}

}  // namespace lift::cli
