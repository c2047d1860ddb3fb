// SPDX-License-Identifier: MIT
// The CPU backend's kernels, once for all tests.
#define LIFT_COMPILE_KERNELS
#include <lift/backend/cpu/compiled_kernels.hpp>
