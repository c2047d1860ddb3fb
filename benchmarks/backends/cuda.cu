// SPDX-License-Identifier: MIT
#include <lift/backend/cuda/cuda_bf16_backend.hpp>

#include "work_on.hpp"

namespace lift::bench {

/// None where there is no device.
std::vector<backend_work> cuda_work() {
  if (!has_cuda_device()) return {};
  return {work_of<cuda_backend>(peak_device_memory), work_of<cuda_tf32_backend>(peak_device_memory),
          work_of<cuda_bf16_backend>(peak_device_memory)};
}

}  // namespace lift::bench
