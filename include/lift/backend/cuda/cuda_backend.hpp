// SPDX-License-Identifier: MIT
#pragma once

// The CUDA backend; for nvcc alone.

#include <cstddef>
#include <limits>
#include <memory>
#include <numeric>
#include <type_traits>

#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system/cuda/execution_policy.h>
#include <thrust/system_error.h>

#include <lift/backend/cuda/block_team.hpp>
#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/backend/cuda/cuda_graph.hpp>
#include <lift/backend/cuda/cuda_upload.hpp>
#include <lift/backend/cuda/cudnn_convolution.hpp>
#include <lift/backend/cuda/launch.hpp>
#include <lift/backend/thrust/thrust_backend.hpp>
#include <lift/backend/upload.hpp>

namespace lift {

namespace detail {

/// f(team, i) by block i.
template <unsigned Threads, class F>
__global__ void __launch_bounds__(Threads) team_kernel(F f) {
  f(block_team<Threads>{}, static_cast<std::size_t>(blockIdx.x));
}

/// cuBLAS, for library_handle. Its work space is a thread's, or a record's that it becomes part of.
struct cublas_library {
  using handle = cublasHandle_t;
  static handle create() {
    handle made = nullptr;
    check_cublas(cublasCreate(&made), "cublasCreate");
    // Or parts of a sum of bfloat16 products might be added up in bfloat16.
    constexpr int as_said = CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
    check_cublas(cublasSetMathMode(made, static_cast<cublasMath_t>(as_said)), "cublasSetMathMode");
    return made;
  }
  static void destroy(handle h) { cublasDestroy(h); }
  static void work_in(handle h, const execution_context& context) {
    constexpr std::size_t bytes = std::size_t{32} << 20;
    using block = pool_block<device_memory>;
    const device_memory& memory = cuda_device::get().main().memory;
    thread_local const block own(memory, bytes);
    void* space = own.data();
    if (context.recording()) {
      context.constants->push_back(std::make_unique<block>(memory, bytes));
      space = context.constants->back()->data();
    }
    check_cublas(cublasSetStream(h, context.stream), "cublasSetStream");
    check_cublas(cublasSetWorkspace(h, space, bytes), "cublasSetWorkspace");
  }
};
inline cublasHandle_t cublas() { return library_handle<cublas_library>(); }

}  // namespace detail

/// How the products of float32 numbers are computed on a device; sums are always float32, and
/// double stays double.
struct float32_products {
  static constexpr const char* name = "cuda";
  static constexpr bool rounds = false;
  static constexpr cublasComputeType_t gemm = CUBLAS_COMPUTE_32F;
};

/// Thrust's CUDA system with cuBLAS, on the stream of detail::cuda_device.
template <class Products>
struct thrust_cuda_system {
  static constexpr const char* name = Products::name;
  static constexpr std::size_t patch_bytes = std::size_t{512} << 20;

  using block = detail::device_block;
  static void copy_in(void* to, const void* from, std::size_t bytes) {
    device().copy_in(to, from, bytes);
  }
  static void copy_out(void* to, const void* from, std::size_t bytes) {
    device().copy_out(to, from, bytes);
  }

  template <class F>
  static void for_each(std::size_t n, const F& f) {
    try {
      thrust::for_each_n(thrust::cuda::par_nosync.on(device().stream()),
                         thrust::counting_iterator<std::size_t>(0), n, f);
    } catch (const thrust::system_error& failure) {
      throw error(text("thrust::for_each_n: ", failure.what()));
    }
  }

  template <class F>
  static void for_each_team(std::size_t n, const F& f) {
    if (n == 0) return;
    constexpr unsigned threads = 256;
    detail::launch(detail::team_kernel<threads, F>, static_cast<unsigned>(n), threads, f);
  }

  template <class T>
  static void gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k,
                   accumulator_t<T> alpha, const matrices<const T>& a, const matrices<const T>& b,
                   accumulator_t<T> beta, const matrices<T>& c) {
    // Operands that repeat are repeated by calls: cuBLAS has one stride for the whole batch.
    std::size_t together = batch;
    const std::size_t counts[] = {a.count, b.count, c.count};
    for (const std::size_t count : counts)
      if (count > 1) together = std::gcd(together, count);
    for (std::size_t first = 0; first < batch; first += together)
      multiply(together, m, n, k, alpha, at(a, first), at(b, first), beta, at(c, first));
  }

#ifdef LIFT_WITH_CUDNN
  template <class T, class Use>
  static bool with_convolution(const convolution_geometry& g, const Use& use) {
    constexpr bool tensor_cores = Products::rounds || std::is_same_v<T, double>;  // double's round nothing
    auto* const own = detail::cudnn_convolution<T>::of(g, tensor_cores);
    if (own) use(*own);
    return own != nullptr;
  }
#endif

 private:
  static detail::cuda_device& device() { return detail::cuda_device::get(); }

  template <class T>
  static matrices<T> at(matrices<T> x, std::size_t first) {
    x.data += first % x.count * x.stride;
    if (x.count == 1) x.stride = 0;
    return x;
  }

  /// cuBLAS has matrices by columns, which are ours transposed: Cᵀ = Bᵀ·Aᵀ.
  template <class T>
  static void multiply(std::size_t batch, std::size_t m, std::size_t n, std::size_t k,
                       accumulator_t<T> alpha, const matrices<const T>& a,
                       const matrices<const T>& b, accumulator_t<T> beta, const matrices<T>& c) {
    if (batch == 0 || m == 0 || n == 0) return;
    constexpr bool single = std::is_same_v<T, float>, rounded = std::is_same_v<T, bfloat16>;
    static_assert(single || rounded || std::is_same_v<T, double>);
    constexpr cudaDataType type = single ? CUDA_R_32F : rounded ? CUDA_R_16BF : CUDA_R_64F;
    constexpr cublasComputeType_t compute = single    ? Products::gemm
                                            : rounded ? CUBLAS_COMPUTE_32F
                                                      : CUBLAS_COMPUTE_64F;
    const auto operation = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const auto index = [](std::size_t i) {
      require(i <= std::numeric_limits<int>::max(), "size of a matrix product", i, "below 2^31");
      return static_cast<int>(i);
    };
    const auto stride = [](std::size_t i) { return static_cast<long long>(i); };
    detail::check_cublas(
        cublasGemmStridedBatchedEx(detail::cublas(), operation(b.transposed),
                                   operation(a.transposed), index(n), index(m), index(k), &alpha,
                                   b.data, type, index(b.row), stride(b.stride), a.data, type,
                                   index(a.row), stride(a.stride), &beta, c.data, type,
                                   index(c.row), stride(c.stride), index(batch), compute,
                                   CUBLAS_GEMM_DEFAULT),
        "cublasGemmStridedBatchedEx");
  }
};

/// The CUDA backend with some verbs. Recorded work is a CUDA graph, and copies in can go on beside
/// work, on a second stream.
template <class Verbs>
struct cuda_backend_of : any_storage<Verbs> {
  using recorded_work = work_recorder<detail::cuda_record>;
  using upload = cuda_upload;
};

using cuda_backend = cuda_backend_of<detail::thrust_verbs<thrust_cuda_system<float32_products>>>;

static_assert(backend<cuda_backend>);
static_assert(uploading_backend<cuda_backend>);

}  // namespace lift
