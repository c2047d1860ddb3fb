// SPDX-License-Identifier: MIT
#pragma once

// Launches of kernels; for nvcc alone.

#include <lift/backend/cuda/cuda_device.hpp>

namespace lift::detail {

/// Asks for a kernel where this thread's work goes; throws lift::error where it cannot be launched.
template <class... Parameters, class... Given>
void launch(void (*kernel)(Parameters...), const dim3& blocks, unsigned threads,
            const Given&... given) {
  kernel<<<blocks, threads, 0, cuda_device::get().stream()>>>(given...);
  check_cuda(cudaGetLastError(), "launch of a kernel");
}

}  // namespace lift::detail
