// SPDX-License-Identifier: MIT
#pragma once

// Tensors of the CPU backend as expressions and matrices of other libraries.

#include <lift/interop/as_eigen.hpp>
#include <lift/interop/as_xtensor.hpp>
