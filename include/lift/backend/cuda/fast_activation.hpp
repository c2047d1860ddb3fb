// SPDX-License-Identifier: MIT
#pragma once

// Activations of numbers that are rounded; for nvcc alone.

namespace lift::op {
struct silu;
}

namespace lift::detail {

/// An activation whose results are rounded to fewer digits than float32 has.
template <class Activation>
struct fast_activation : Activation {};
/// By a device's approximate exponential and reciprocal, some 2⁻²¹ off.
template <>
struct fast_activation<op::silu> {
  __device__ static float s(float x) { return __fdividef(1.0f, 1.0f + __expf(-x)); }
  __device__ static float f(float x) { return x * s(x); }
  __device__ static float df(float x) {
    const float y = s(x);
    return y * (1.0f + x * (1.0f - y));
  }
};

}  // namespace lift::detail
