// SPDX-License-Identifier: MIT

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/xtensor_backend.hpp>

#include "engine_on.hpp"

namespace lift::cli {

engine xtensor_engine() {
  engine result = engine_on<xtensor_backend>;
  result.instructions = xsimd::default_arch::name();
  return result;
}

}  // namespace lift::cli
