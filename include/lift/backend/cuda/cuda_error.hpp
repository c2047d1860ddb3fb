// SPDX-License-Identifier: MIT
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <lift/core/error.hpp>

namespace lift::detail {

/// Throws lift::error, naming the call, unless it succeeded.
inline void check_cuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // or the next call would report it again
  throw error(text(call, ": ", cudaGetErrorString(status)));
}
inline void check_cublas(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS) throw error(text(call, ": ", cublasGetStatusString(status)));
}

}  // namespace lift::detail
