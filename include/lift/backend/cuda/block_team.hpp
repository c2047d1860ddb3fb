// SPDX-License-Identifier: MIT
#pragma once

// The team of a CUDA block; for nvcc alone.

#include <cstddef>

#include <lift/core/config.hpp>
#include <lift/tensor/storage.hpp>

namespace lift::detail {

/// The threads of a block as a team (see team.hpp); a multiple of 32 of them.
template <unsigned Threads>
struct block_team {
  static constexpr unsigned lanes = 32, warps = Threads / lanes;

  template <class R, class T, class F>
  LIFT_HD T reduce(std::size_t n, const F& f) const {
    T result = R::template identity<T>();
#ifdef __CUDA_ARCH__
    __shared__ T of_warp[warps];
    for (std::size_t i = threadIdx.x; i < n; i += Threads) result = R::combine(result, f(i, T()));
    result = reduce_warp<R>(result);
    __syncthreads();  // of_warp may still be read for the reduction before
    if (threadIdx.x % lanes == 0) of_warp[threadIdx.x / lanes] = result;
    __syncthreads();
    result = R::template identity<T>();
    for (unsigned w = 0; w < warps; ++w) result = R::combine(result, of_warp[w]);
#endif
    return result;
  }

  template <class T, class F>
  LIFT_HD void map(std::size_t rows, std::size_t columns, T* to, const F& f) const {
#ifdef __CUDA_ARCH__
    // Long rows by the whole block, short ones by a warp each.
    const bool long_rows = columns >= Threads;
    const unsigned together = long_rows ? Threads : lanes;
    for (std::size_t row = long_rows ? 0 : threadIdx.x / lanes; row < rows;
         row += long_rows ? 1 : warps)
      for (std::size_t j = threadIdx.x % together; j < columns; j += together) {
        const std::size_t i = row * columns + j;
        to[i] = static_cast<T>(f(row, i, accumulator_t<T>()));
      }
    __syncthreads();
#endif
  }

  template <class R, class T, class F, class Store>
  LIFT_HD void reduce_rows(std::size_t rows, std::size_t columns, const F& f,
                           const Store& store) const {
#ifdef __CUDA_ARCH__
    for (std::size_t row = threadIdx.x / lanes; row < rows; row += warps) {
      T result = R::template identity<T>();
      for (std::size_t j = threadIdx.x % lanes; j < columns; j += lanes)
        result = R::combine(result, f(row, row * columns + j, T()));
      result = reduce_warp<R>(result);
      if (threadIdx.x % lanes == 0) store(row, result);
    }
    __syncthreads();
#endif
  }

  template <class T>
  LIFT_HD accumulator_t<T> load(const T* p, accumulator_t<T>) const {
    return static_cast<accumulator_t<T>>(*p);
  }

  template <class F>
  LIFT_HD void once(const F& f) const {
#ifdef __CUDA_ARCH__
    if (threadIdx.x == 0) f();
    __syncthreads();
#endif
  }

 private:
#ifdef __CUDACC__
  /// R over the warp, in its first lane.
  template <class R, class T>
  __device__ static T reduce_warp(T value) {
    for (unsigned apart = lanes / 2; apart > 0; apart /= 2)
      value = R::combine(value, __shfl_down_sync(0xffffffffu, value, apart));
    return value;
  }
#endif
};

}  // namespace lift::detail
