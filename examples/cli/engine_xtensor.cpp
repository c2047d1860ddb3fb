// SPDX-License-Identifier: MIT

#include <lift/backend/cpu/xtensor_backend.hpp>

#include "engine_on.hpp"

namespace lift::cli {

engine xtensor_engine() { return engine_on<xtensor_backend>; }

}  // namespace lift::cli
