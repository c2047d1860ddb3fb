// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/group_norm.hpp>
#include <lift/op/silu.hpp>

namespace lift::op {

/// y = z·s(z) of group normalisation's z, in one primitive: nothing between the two is stored.
using group_norm_silu = activated_group_norm<silu>;

}  // namespace lift::op
