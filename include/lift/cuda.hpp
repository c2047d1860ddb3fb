// SPDX-License-Identifier: MIT
#pragma once

// The CUDA backend, for nvcc.

#include <lift/backend/cuda/cuda_bf16_backend.hpp>
