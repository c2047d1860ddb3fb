// SPDX-License-Identifier: MIT
#include <lift/backend/cuda_backend.hpp>

#include "work_on.hpp"

namespace lift::bench {

/// None where there is no device.
std::vector<backend_work> cuda_work() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return {};
  return {work_of<cuda_backend>(), work_of<cuda_tf32_backend>(), work_of<cuda_bf16_backend>()};
}

}  // namespace lift::bench
