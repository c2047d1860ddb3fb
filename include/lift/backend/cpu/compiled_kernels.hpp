// SPDX-License-Identifier: MIT
#pragma once

// The CPU backend's convolutions, attention, matrix products and commonest maps for float and double,
// compiled once for a program of many sources: each of them includes this header, and one of them
// defines LIFT_COMPILE_KERNELS before it does. All must be compiled for the same processor.

#include <lift/backend/cpu/xtensor_backend.hpp>

#ifdef LIFT_COMPILE_KERNELS
#define LIFT_KERNEL template
#else
#define LIFT_KERNEL extern template
#endif

#define LIFT_CONVOLUTIONS(backend, T)                                                             \
  LIFT_KERNEL void backend::convolve(const convolution_geometry&, const T*, const T*,             \
                                     const convolution_epilogue<T>&, T*);                         \
  LIFT_KERNEL void backend::convolve_transpose(const convolution_geometry&, const T*, const T*,   \
                                               const T*, T*);                                     \
  LIFT_KERNEL void backend::convolve_weight(const convolution_geometry&, const T*, const T*, T*);

#define LIFT_MAP(T, F, ...) \
  LIFT_KERNEL void xtensor_algebra::map(std::size_t, T*, const F&, __VA_ARGS__);
#define LIFT_MAPS(T)                                                                              \
  LIFT_MAP(T, kernel::identity, const operand<T>&)                                                \
  LIFT_MAP(T, kernel::scale<T>, const operand<T>&)                                                \
  LIFT_MAP(T, kernel::constant<T>, const operand<T>&)                                             \
  LIFT_MAP(T, kernel::add, const operand<T>&, const operand<T>&)                                  \
  LIFT_MAP(T, kernel::multiply, const operand<T>&, const operand<T>&)                             \
  LIFT_MAP(T, kernel::axpby<T>, const operand<T>&, const operand<T>&)                             \
  LIFT_MAP(T, kernel::weighted_sum, const operand<T>&, const operand<T>&, const operand<T>&,      \
           const operand<T>&)

#define LIFT_KERNELS(T)                                                                          \
  LIFT_CONVOLUTIONS(detail::fast_xtensor_verbs, T)                                               \
  LIFT_CONVOLUTIONS(xtensor_convolution, T)                                                      \
  LIFT_KERNEL void xtensor_algebra::gemm(std::size_t, std::size_t, std::size_t, std::size_t, T,  \
                                         std::type_identity_t<matrices<const T>>,                \
                                         std::type_identity_t<matrices<const T>>, T,             \
                                         matrices<T>);                                           \
  LIFT_KERNEL void detail::packed_product(std::size_t, std::size_t, std::size_t, T, const T*,    \
                                          std::size_t, bool, const T*, std::size_t, bool, T, T*, \
                                          std::size_t);                                          \
  LIFT_KERNEL void detail::panel_attention(const attention_geometry&, const T*, T*);             \
  LIFT_KERNEL void detail::panel_attention_tangents(const attention_geometry&, std::size_t,      \
                                                    const T*, const T*, T*);                     \
  LIFT_KERNEL void detail::panel_attention_gradient(const attention_geometry&, const T*,         \
                                                    const T*, T*);

namespace lift {
LIFT_MAPS(float)
LIFT_MAPS(double)
LIFT_KERNELS(float)
LIFT_KERNELS(double)
}  // namespace lift

#undef LIFT_KERNEL
#undef LIFT_CONVOLUTIONS
#undef LIFT_MAP
#undef LIFT_MAPS
#undef LIFT_KERNELS
