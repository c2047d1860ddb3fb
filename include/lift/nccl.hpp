// SPDX-License-Identifier: MIT
#pragma once

// Ranks that each have a CUDA device: what needs NCCL, for nvcc.

#include <lift/dist/nccl/device_sums.hpp>
#include <lift/dist/nccl/nccl_communicator.hpp>
#include <lift/dist/nccl/nccl_sums.hpp>
