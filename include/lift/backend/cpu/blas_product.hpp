// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>

#include <xflens/cxxblas/drivers/cblas.h>  // xtensor-blas's declarations of CBLAS

#include <lift/backend/cpu/packed_product.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/tensor/operand.hpp>

// Present when BLAS is OpenBLAS.
extern "C" int openblas_get_num_threads() __attribute__((weak));
extern "C" void openblas_set_num_threads(int) __attribute__((weak));
extern "C" char* openblas_get_corename() __attribute__((weak));

namespace lift::detail {

/// While one lives OpenBLAS, whose threads ours replace, uses the calling thread alone; the last to go
/// gives the host program its number back.
class one_blas_thread {
 public:
  one_blas_thread() {
    if (!settable()) return;
    const std::lock_guard lock(mutex_);
    if (users_++ > 0) return;
    before_ = openblas_get_num_threads();
    if (before_ != 1) openblas_set_num_threads(1);
  }
  one_blas_thread(const one_blas_thread&) = delete;
  one_blas_thread& operator=(const one_blas_thread&) = delete;
  ~one_blas_thread() {
    if (!settable()) return;
    const std::lock_guard lock(mutex_);
    if (--users_ == 0 && before_ != 1) openblas_set_num_threads(before_);
  }

 private:
  static bool settable() { return openblas_get_num_threads && openblas_set_num_threads; }

  inline static std::mutex mutex_;
  inline static int users_ = 0, before_ = 1;
};

/// Bytes of the vectors that the kernels of an OpenBLAS compute with, by the processor that it names
/// as theirs, in letters of either case: for one that it does not know it takes those of 2004. Of
/// processors that are not listed here, `unlisted`.
inline std::size_t blas_vector_bytes(std::string core, std::size_t unlisted) {
  for (char& letter : core)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  const auto is_any_of = [&](const auto&... name) { return ((core == name) || ...); };
  if (is_any_of("katmai", "coppermine", "northwood", "prescott", "banias", "atom", "core2",
                "penryn", "dunnington", "nehalem", "athlon", "opteron", "opteron_sse3",
                "barcelona", "bobcat", "nano"))
    return 16;
  if (is_any_of("sandybridge", "bulldozer", "piledriver", "steamroller", "excavator", "haswell",
                "zen"))
    return 32;
  return unlisted;
}

/// Whether BLAS computes with vectors narrower than those that this is compiled for.
inline bool blas_is_narrow() {
  constexpr std::size_t ours = sizeof(xsimd::batch<float>);
  static const bool narrow = openblas_get_corename &&
                             blas_vector_bytes(openblas_get_corename(), ours) < ours;
  return narrow;
}

inline constexpr auto& gemm_of(float) { return cblas_sgemm; }
inline constexpr auto& gemm_of(double) { return cblas_dgemm; }

/// One matrix product, C (m, n) = alpha·A·B + beta·C, by BLAS, or by panels of our own where its
/// vectors are narrow. The caller holds a one_blas_thread.
template <class T>
void blas_product(std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
                  std::size_t row_a, bool transposed_a, const T* b, std::size_t row_b,
                  bool transposed_b, T beta, T* c, std::size_t row_c) {
  if (m == 0 || n == 0) return;
  if (sizeof(xsimd::batch<T>) > 16 && blas_is_narrow()) {
    packed_product(m, n, k, alpha, a, row_a, transposed_a, b, row_b, transposed_b, beta, c, row_c);
    return;
  }
  const auto index = [](std::size_t i) { return static_cast<int>(std::max<std::size_t>(i, 1)); };
  gemm_of(T())(CblasRowMajor, transposed_a ? CblasTrans : CblasNoTrans,
               transposed_b ? CblasTrans : CblasNoTrans, index(m), index(n), static_cast<int>(k),
               alpha, a, index(row_a), b, index(row_b), beta, c, index(row_c));
}

/// The verb gemm by tasks of one blas_product each: run(count, task) calls task(i) for every
/// i < count, in any order and on any thread. Few matrices are each cut along their longer side.
template <class T, class Run>
void blas_products(std::size_t batch, std::size_t m, std::size_t n, std::size_t k, T alpha,
                   const matrices<const T>& a, const matrices<const T>& b, T beta,
                   const matrices<T>& c, const Run& run) {
  const std::size_t side = std::max(m, n);
  const std::size_t panel = batch < 4 ? std::max<std::size_t>(128, ceil_div(side, 4)) : side;
  const std::size_t panels = ceil_div(side, std::max<std::size_t>(panel, 1));
  const one_blas_thread ours;
  run(batch * panels, [=](std::size_t task) {
    const std::size_t item = task / panels, from = task % panels * panel;
    const std::size_t length = std::min(panel, side - from);
    const T* pa = a.data + item % a.count * a.stride;
    const T* pb = b.data + item % b.count * b.stride;
    T* pc = c.data + item % c.count * c.stride;
    if (m >= n)
      blas_product(length, n, k, alpha, pa + from * (a.transposed ? 1 : a.row), a.row,
                   a.transposed, pb, b.row, b.transposed, beta, pc + from * c.row, c.row);
    else
      blas_product(m, length, k, alpha, pa, a.row, a.transposed,
                   pb + from * (b.transposed ? b.row : 1), b.row, b.transposed, beta, pc + from,
                   c.row);
  });
}

}  // namespace lift::detail
