// SPDX-License-Identifier: MIT
#include <lift/backend/tensor.hpp>
#include <lift/backend/xtensor_backend.hpp>

using tensor = lift::tensor<lift::xtensor_backend, float>;

float norm(const tensor& x) { return lift::squared_norm(x); }
