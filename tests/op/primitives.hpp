// SPDX-License-Identifier: MIT
#pragma once

#include <tuple>

#include "op/cases.hpp"

namespace lift::op {
/// Every header of include/lift/op that holds a primitive names it.
using primitives = std::tuple<
#include "op/primitives.inc"
    >;
}  // namespace lift::op
