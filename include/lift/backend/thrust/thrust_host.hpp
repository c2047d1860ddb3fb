// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>

#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/cpp/execution_policy.h>
#include <thrust/system/omp/execution_policy.h>
#include <thrust/version.h>

#include <lift/backend/cpu/blas_product.hpp>
#include <lift/backend/cpu/recycling_allocator.hpp>
#include <lift/backend/team.hpp>
#include <lift/backend/thrust/thrust_backend.hpp>

#if defined(LIFT_THRUST_VERSION) && LIFT_THRUST_VERSION != THRUST_VERSION
#error "the build found another Thrust than is included here: two of them are in the include path"
#endif

namespace lift {

namespace kernel {
/// f(team, i) by a thread alone.
template <class F>
struct single_thread {
  F f;
  LIFT_HD void operator()(std::size_t i) const { f(detail::single_thread_team{}, i); }
};
}  // namespace kernel

/// What Thrust's systems on the host have in common: memory from the pool of the CPU's buffers and
/// matrix products by BLAS. `Policy` gives the name and the execution policy.
template <class Policy>
struct thrust_host_system : Policy {
  static constexpr std::size_t patch_bytes = std::size_t{16} << 20;

  struct block : pool_block<block_pool*> {
    explicit block(std::size_t bytes) : pool_block(&default_block_pool(), bytes) {}
  };

  static void copy_in(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void copy_out(void* to, const void* from, std::size_t bytes) { copy_in(to, from, bytes); }

  template <class F>
  static void for_each(std::size_t n, const F& f) {
    thrust::for_each_n(Policy::policy(), thrust::counting_iterator<std::size_t>(0), n, f);
  }
  template <class F>
  static void for_each_team(std::size_t n, const F& f) {
    for_each(n, kernel::single_thread<F>{f});
  }

  template <class T>
  static void gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k, T alpha,
                   const matrices<const T>& a, const matrices<const T>& b, T beta,
                   const matrices<T>& c) {
    detail::blas_products(batch, m, n, k, alpha, a, b, beta, c,
                          [](std::size_t count, const auto& task) { for_each(count, task); });
  }
};

struct thrust_cpp_policy {
  static constexpr const char* name = "thrust-cpp";
  static auto policy() { return thrust::cpp::par; }
};
struct thrust_omp_policy {
  static constexpr const char* name = "thrust-omp";
  static auto policy() { return thrust::omp::par; }
};

/// Thrust's C++ system: one thread.
using thrust_cpp_backend = thrust_backend<thrust_host_system<thrust_cpp_policy>>;
/// Thrust's OpenMP system: as many threads as OpenMP is set to, by default one for each core.
using thrust_omp_backend = thrust_backend<thrust_host_system<thrust_omp_policy>>;

static_assert(backend<thrust_cpp_backend>);
static_assert(backend<thrust_omp_backend>);

}  // namespace lift
