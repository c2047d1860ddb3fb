// SPDX-License-Identifier: MIT

#include <string_view>

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/xtensor_backend.hpp>

#include "engine_on.hpp"

namespace lift::cli {

engine xtensor_bf16_engine();

engine xtensor_engine(const char* name) {
  if (name == std::string_view("xtensor-bf16")) return xtensor_bf16_engine();
  engine result = engine_on<xtensor_backend>;
  result.instructions = xsimd::default_arch::name();
  return result;
}

}  // namespace lift::cli
