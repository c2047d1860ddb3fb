// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <mutex>

#include <lift/backend/cuda_error.hpp>
#include <lift/backend/segment_pool.hpp>

namespace lift {

/// Whether a CUDA device can be used.
inline bool has_cuda_device() {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
}

}  // namespace lift

namespace lift::detail {

/// Segments of device memory.
struct device_segments {
  static constexpr std::size_t alignment = 512;  // as cudaMalloc's, for the fastest copies
  static constexpr std::size_t page = std::size_t{2} << 20;
  static constexpr bool recycles = true;

  static void* get(std::size_t bytes) noexcept {
    void* memory = nullptr;
    if (cudaMalloc(&memory, bytes) == cudaSuccess) return memory;
    cudaGetLastError();  // or the next call would report it again
    return nullptr;
  }
  static void put(void* memory) noexcept { cudaFree(memory); }
  [[noreturn]] static void fail(std::size_t bytes, std::size_t idle) {
    std::size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    throw error(text("cudaMalloc: out of device memory: wanted ", bytes / mebibyte, " MiB, free ",
                     (free + idle) / mebibyte, " of ", total / mebibyte, " MiB"));
  }
};

/// The CUDA device that is current at first use, with the one stream that all work goes to: what
/// was asked for first is done first, whichever thread asked. Throws lift::error where there is
/// no device.
class cuda_device {
 public:
  static cuda_device& get() {
    static cuda_device& device = *new cuda_device;  // outlives every buffer, static ones too
    return device;
  }
  cuda_device(const cuda_device&) = delete;
  cuda_device& operator=(const cuda_device&) = delete;

  cudaStream_t stream() const { return stream_; }

  /// Device memory for what is asked of the stream from now on. Throws lift::error, saying how much
  /// was wanted and is free.
  void* take(std::size_t bytes) { return memory_.take(bytes); }

  /// Takes memory back: what is asked of the stream from now on may have it, as that is done after
  /// what was asked before.
  void give(void* memory) noexcept { memory_.give(memory); }

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
    int devices = 0;
    check_cuda(cudaGetDeviceCount(&devices), "no CUDA device can be used: cudaGetDeviceCount");
    require(devices > 0, "no CUDA device can be used: devices", devices, "at least 1");
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check_cuda(cudaMallocHost(&staging_, 2 * half), "cudaMallocHost");
    for (cudaEvent_t& event : left_)
      check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  }
  cudaStream_t stream_ = nullptr;
  segment_pool<device_segments> memory_;
  std::mutex mutex_;  // of the staging memory: pinned, two halves that take turns
  std::byte* staging_ = nullptr;
  cudaEvent_t left_[2] = {};
  std::size_t current_ = 0, used_ = 0;
};

}  // namespace lift::detail
