// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/xtensor_convolution.hpp>

namespace lift {

/// The CPU backend: xtensor's buffers, xsimd, xtensor-blas, and all cores through the default
/// thread pool. One thread and many give the same bytes.
struct xtensor_backend : xtensor_convolution {
  static constexpr const char* name = "xtensor";
};

static_assert(backend<xtensor_backend>);

}  // namespace lift
