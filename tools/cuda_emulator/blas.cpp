// SPDX-License-Identifier: MIT
// The part of cuBLAS that LIFT uses, on the host by OpenBLAS.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <cblas.h>
#include <cublas_v2.h>

#include "runtime.hpp"

struct cublasContext {
  cudaStream_t stream = nullptr;
  void* work_space = nullptr;
  std::size_t work_space_bytes = 0;
};

namespace {

using namespace emulator;

constexpr int all_bits = 23;

/// Matrices by columns, one for each product of a batch.
template <class Number>
struct matrices {
  Number* data;
  bool transposed;
  int rows, columns;  // as the product sees them
  int leading;
  long long stride;

  int stored_rows() const { return transposed ? columns : rows; }
  int stored_columns() const { return transposed ? rows : columns; }
  bool valid() const { return rows >= 0 && columns >= 0 && leading >= std::max(1, stored_rows()); }

  Number* at(int item) const { return data + item * stride; }
  /// Numbers from a matrix's first to its last.
  std::size_t extent() const {
    if (rows == 0 || columns == 0) return 0;
    return static_cast<std::size_t>(leading) * (stored_columns() - 1) + stored_rows();
  }
  CBLAS_TRANSPOSE transposition() const { return transposed ? CblasTrans : CblasNoTrans; }
};

template <class Number>
void check(const matrices<Number>& all, int item, const char* use) {
  check_device_memory(all.at(item), all.extent() * sizeof(Number), use);
}

/// A factor as the product takes it: itself, or a copy of rounded numbers.
const float* rounded_factor(const matrices<const float>& all, int item, int bits,
                            std::vector<float>& copy) {
  const float* const own = all.at(item);
  if (bits == all_bits) return own;
  copy.assign(own, own + all.extent());
  for (float& x : copy) x = rounded(x, bits);
  return copy.data();
}

template <class Number>
struct products {
  int count;
  Number alpha, beta;
  matrices<const Number> a, b;
  matrices<Number> c;
  int bits;  // of the factors' fractions

  void operator()() const {
    for (int item = 0; item < count; ++item) {
      check(a, item, "first factor of a product");
      check(b, item, "second factor of a product");
      check(c, item, "result of a product");
      multiply(item);
    }
  }

 private:
  void multiply(int item) const {
    if constexpr (sizeof(Number) == sizeof(float)) {
      std::vector<float> copy_a, copy_b;
      cblas_sgemm(CblasColMajor, a.transposition(), b.transposition(), c.rows, c.columns,
                  a.columns, alpha, rounded_factor(a, item, bits, copy_a), a.leading,
                  rounded_factor(b, item, bits, copy_b), b.leading, beta, c.at(item), c.leading);
    } else {
      cblas_dgemm(CblasColMajor, a.transposition(), b.transposition(), c.rows, c.columns,
                  a.columns, alpha, a.at(item), a.leading, b.at(item), b.leading, beta,
                  c.at(item), c.leading);
    }
  }
};

/// The same of numbers that are stored as bfloat16, whose products are added up as floats.
struct bfloat16_products {
  using stored = std::uint16_t;
  int count;
  float alpha, beta;
  matrices<const stored> a, b;
  matrices<stored> c;

  void operator()() const {
    for (int item = 0; item < count; ++item) {
      check(a, item, "first factor of a product");
      check(b, item, "second factor of a product");
      check(c, item, "result of a product");
      const std::vector<float> left = widened(a, item), right = widened(b, item);
      std::vector<float> result = beta == 0 ? std::vector<float>(c.extent()) : widened(c, item);
      cblas_sgemm(CblasColMajor, a.transposition(), b.transposition(), c.rows, c.columns,
                  a.columns, alpha, left.data(), a.leading, right.data(), b.leading, beta,
                  result.data(), c.leading);
      for (int column = 0; column < c.columns; ++column)
        for (int row = 0; row < c.rows; ++row) {
          const std::size_t i = static_cast<std::size_t>(column) * c.leading + row;
          const auto raw = std::bit_cast<std::uint32_t>(rounded(result[i], bfloat16_bits));
          c.at(item)[i] = static_cast<stored>(raw >> 16);
        }
    }
  }

 private:
  template <class Number>
  static std::vector<float> widened(const matrices<Number>& all, int item) {
    std::vector<float> numbers(all.extent());
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = std::bit_cast<float>(std::uint32_t{all.at(item)[i]} << 16);
    return numbers;
  }
};

/// 0 where a type of computation is not emulated.
int bits_of(cublasComputeType_t compute) {
  switch (compute) {
    case CUBLAS_COMPUTE_32F: return all_bits;
    case CUBLAS_COMPUTE_32F_FAST_TF32: return tf32_bits;
    default: return 0;
  }
}

template <class Products>
cublasStatus_t ask_for(const cublasContext& handle, const Products& asked) {
  if (asked.count < 0 || !asked.a.valid() || !asked.b.valid() || !asked.c.valid())
    return CUBLAS_STATUS_INVALID_VALUE;
  if (asked.count == 0 || asked.c.extent() == 0) return CUBLAS_STATUS_SUCCESS;
  if (asked.count > 1 && asked.c.stride == 0) fail("several products are written to one place");
  if (!handle.work_space) fail("a product without a work space that the handle was given");
  // All of a large work space is not worth the time.
  const std::size_t bytes = std::min(handle.work_space_bytes, std::size_t{1} << 14);
  const cudaError_t status = enqueue(handle.stream, [asked, space = handle.work_space, bytes] {
    overwrite_work_space(space, bytes);
    asked();
  });
  return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

/// Work spaces that were given are given up.
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  *handle = {.stream = stream};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* space, std::size_t bytes) {
  constexpr std::uintptr_t alignment = 256;
  if (reinterpret_cast<std::uintptr_t>(space) % alignment != 0) return CUBLAS_STATUS_INVALID_VALUE;
  handle->work_space = space;
  handle->work_space_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t mode) {
  const bool known = mode == (CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
  return known ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "success";
    case CUBLAS_STATUS_INVALID_VALUE: return "invalid value";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "not supported";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "execution failed";
    default: return "unknown status";
  }
}

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b, int m,
    int n, int k, const void* alpha, const void* a, cudaDataType type_a, int leading_a,
    long long stride_a, const void* b, cudaDataType type_b, int leading_b, long long stride_b,
    const void* beta, void* c, cudaDataType type_c, int leading_c, long long stride_c, int count,
    cublasComputeType_t compute, cublasGemmAlgo_t) {
  const bool transposed_a = operation_a != CUBLAS_OP_N, transposed_b = operation_b != CUBLAS_OP_N;
  const auto ask = [&]<class Products, class Factor, class Number, class... Bits>(
                       std::type_identity<Products>, Factor, Number, Bits... bits) {
    return ask_for(
        *handle,
        Products{count, *static_cast<const Factor*>(alpha), *static_cast<const Factor*>(beta),
                 {static_cast<const Number*>(a), transposed_a, m, k, leading_a, stride_a},
                 {static_cast<const Number*>(b), transposed_b, k, n, leading_b, stride_b},
                 {static_cast<Number*>(c), false, m, n, leading_c, stride_c},
                 bits...});
  };
  if (type_a != type_b || type_a != type_c) return CUBLAS_STATUS_NOT_SUPPORTED;
  const int bits = bits_of(compute);
  if (type_a == CUDA_R_32F && bits > 0)
    return ask(std::type_identity<products<float>>(), float(), float(), bits);
  if (type_a == CUDA_R_64F && compute == CUBLAS_COMPUTE_64F)
    return ask(std::type_identity<products<double>>(), double(), double(), 0);
  if (type_a == CUDA_R_16BF && compute == CUBLAS_COMPUTE_32F)
    return ask(std::type_identity<bfloat16_products>(), float(), bfloat16_products::stored());
  return CUBLAS_STATUS_NOT_SUPPORTED;
}

}  // extern "C"
