// SPDX-License-Identifier: MIT
#pragma once

// The CUDA backend, for nvcc.

#include <lift/backend/block_team.hpp>
#include <lift/backend/cuda_backend.hpp>
#include <lift/backend/cuda_device.hpp>
#include <lift/backend/cuda_error.hpp>
#include <lift/backend/cuda_graph.hpp>
#include <lift/backend/cuda_upload.hpp>
#include <lift/backend/cudnn_convolution.hpp>
