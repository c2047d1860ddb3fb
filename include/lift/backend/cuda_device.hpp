// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>

#include <lift/backend/cuda_error.hpp>

namespace lift::detail {

/// The CUDA device that is current at first use, with the one stream that all work goes to: what
/// was asked for first is done first, whichever thread asked. Throws lift::error where there is
/// no device.
class cuda_device {
 public:
  static cuda_device& get() {
    static cuda_device device;
    return device;
  }
  cuda_device(const cuda_device&) = delete;
  cuda_device& operator=(const cuda_device&) = delete;

  cudaStream_t stream() const { return stream_; }

  /// Device memory for what is asked of the stream from now on, from a pool that keeps what comes
  /// back. Throws lift::error, saying how much was wanted and is free.
  void* take(std::size_t bytes) {
    void* memory = nullptr;
    const cudaError_t status =
        cudaMallocAsync(&memory, std::max<std::size_t>(bytes, 1), stream_);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      constexpr std::size_t mebibyte = std::size_t{1} << 20;
      throw error(text("cudaMallocAsync: out of device memory: wanted ", bytes / mebibyte,
                       " MiB, free ", free_bytes() / mebibyte, " MiB"));
    }
    check_cuda(status, "cudaMallocAsync");
    return memory;
  }

  /// Takes memory back when the stream has done what was asked of it.
  void give(void* memory) noexcept { cudaFreeAsync(memory, stream_); }

  /// From host memory, which is the caller's again at once; the device is not waited for unless
  /// the bytes are many.
  void copy_in(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    const void* source = from;
    const std::lock_guard lock(mutex_);
    if (bytes <= half) {
      if (used_ + bytes > half) {  // go on in the other half, once its copies are done
        check_cuda(cudaEventRecord(left_[current_], stream_), "cudaEventRecord");
        current_ = 1 - current_;
        used_ = 0;
        check_cuda(cudaEventSynchronize(left_[current_]), "cudaEventSynchronize");
      }
      std::byte* const place = staging_ + current_ * half + used_;
      std::memcpy(place, from, bytes);
      used_ += bytes;
      source = place;
    }
    check_cuda(cudaMemcpyAsync(to, source, bytes, cudaMemcpyHostToDevice, stream_),
               "cudaMemcpyAsync to the device");
  }

  /// To host memory; waits for it and so for all that was asked before.
  void copy_out(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_),
               "cudaMemcpyAsync to the host");
    synchronise();
  }

  /// Waits for all that was asked of the stream.
  void synchronise() { check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

 private:
  static constexpr std::size_t half = std::size_t{8} << 20;

  cuda_device() {
    int devices = 0, device = 0;
    check_cuda(cudaGetDeviceCount(&devices), "no CUDA device can be used: cudaGetDeviceCount");
    check_cuda(cudaGetDevice(&device), "cudaGetDevice");
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check_cuda(cudaDeviceGetDefaultMemPool(&pool_, device), "cudaDeviceGetDefaultMemPool");
    std::uint64_t keep = std::numeric_limits<std::uint64_t>::max();
    check_cuda(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep),
               "cudaMemPoolSetAttribute");
    check_cuda(cudaMallocHost(&staging_, 2 * half), "cudaMallocHost");
    for (cudaEvent_t& event : left_)
      check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  }
  ~cuda_device() = default;  // at exit, when the driver may be gone: it frees all by itself

  std::size_t free_bytes() const {
    std::size_t free = 0, total = 0;
    std::uint64_t reserved = 0, used = 0;
    cudaMemGetInfo(&free, &total);
    cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved);
    cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used);
    return free + (reserved - used);
  }

  cudaStream_t stream_ = nullptr;
  cudaMemPool_t pool_ = nullptr;
  std::mutex mutex_;  // of the staging memory: pinned, two halves that take turns
  std::byte* staging_ = nullptr;
  cudaEvent_t left_[2] = {};
  std::size_t current_ = 0, used_ = 0;
};

}  // namespace lift::detail
