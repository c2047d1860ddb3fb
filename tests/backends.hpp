// SPDX-License-Identifier: MIT
#pragma once

// The backends that a program of typed tests runs on, for Boost.Test: those of the CPU, or as
// LIFT_TEST_THRUST or LIFT_TEST_CUDA says.

#include <cstddef>
#include <tuple>

#include <boost/test/unit_test.hpp>

#include <lift/tensor/tensor.hpp>

#if defined(LIFT_TEST_CUDA)
#include <cstdlib>
#include <iostream>

#include <lift/backend/cuda/cuda_backend.hpp>
#elif defined(LIFT_TEST_THRUST)
#include <omp.h>

#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/backend/thrust/thrust_host.hpp>
#else
#include <lift/backend/cpu/compiled_kernels.hpp>
#endif

namespace lift::test {

#if defined(LIFT_TEST_CUDA)

template <class T>
using backend_tensors = std::tuple<tensor<cuda_backend, T>>;

/// A device has its own number of threads.
inline void set_threads(std::size_t) {}

/// Without a device there is nothing to test: CTest counts exit code 77 as skipped.
struct device_or_skip {
  device_or_skip() {
    if (has_cuda_device()) return;
    std::cout << "no CUDA device\n";
    std::exit(77);
  }
};
BOOST_TEST_GLOBAL_FIXTURE(device_or_skip);

#elif defined(LIFT_TEST_THRUST)

template <class T>
using backend_tensors = std::tuple<tensor<thrust_cpp_backend, T>, tensor<thrust_omp_backend, T>>;

inline void set_threads(std::size_t n) { omp_set_num_threads(static_cast<int>(n)); }

#else

template <class T>
using backend_tensors = std::tuple<tensor<xtensor_backend, T>, tensor<plain_xtensor_backend, T>>;

inline void set_threads(std::size_t n) { default_thread_pool().resize(n); }

#endif

/// Those of numbers that are rounded: float32, and bfloat16 where the backend has every verb for it.
#if defined(LIFT_TEST_CUDA)
using rounded_tensors = backend_tensors<float>;
#else
using rounded_tensors =
    decltype(std::tuple_cat(backend_tensors<float>(), backend_tensors<bfloat16>()));
#endif

}  // namespace lift::test
