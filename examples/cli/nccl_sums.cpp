// SPDX-License-Identifier: MIT
// The library liblift_nccl.

#include <lift/dist/nccl/nccl_sums.hpp>

#include "rank_group.hpp"

const lift::device_sums_library* lift_nccl_sums() {
  static const lift::device_sums_library nccl = lift::nccl_library();
  return &nccl;
}
