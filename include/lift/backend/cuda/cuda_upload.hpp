// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <lift/backend/cuda/cuda_device.hpp>

namespace lift {

/// Copies to the device on a stream of their own (see upload.hpp), from pinned memory.
class cuda_upload {
 public:
  cuda_upload() = default;
  cuda_upload(const cuda_upload&) = delete;
  cuda_upload& operator=(const cuda_upload&) = delete;
  ~cuda_upload() {
    if (!stream_) return;
    cudaStreamSynchronize(stream_);
    cudaFreeHost(staging_);
    cudaEventDestroy(marked_);
    cudaEventDestroy(sent_);
    cudaStreamDestroy(stream_);
  }

  /// Throws lift::error where there is no memory for it.
  template <class T>
  std::span<T> stage(std::size_t n) {
    open();
    detail::cuda_device::synchronise(stream_);  // what was staged before has been copied
    bytes_ = n * sizeof(T);
    if (bytes_ > capacity_) {
      detail::check_cuda(cudaFreeHost(staging_), "cudaFreeHost");
      staging_ = nullptr, capacity_ = 0;
      detail::check_cuda(cudaMallocHost(&staging_, bytes_), "cudaMallocHost");
      capacity_ = bytes_;
    }
    return {static_cast<T*>(staging_), n};
  }

  void mark() {
    open();
    detail::check_cuda(cudaEventRecord(marked_, main()), "cudaEventRecord");
  }

  void send(void* to) {
    detail::check_cuda(cudaStreamWaitEvent(stream_, marked_, 0), "cudaStreamWaitEvent");
    detail::cuda_device::copy(to, staging_, bytes_, cudaMemcpyHostToDevice, stream_);
    detail::check_cuda(cudaEventRecord(sent_, stream_), "cudaEventRecord");
    detail::check_cuda(cudaStreamWaitEvent(main(), sent_, 0), "cudaStreamWaitEvent");
  }

 private:
  static cudaStream_t main() { return detail::cuda_device::get().main().stream; }

  /// At first use, so that an object costs nothing where it is not used.
  void open() {
    if (stream_) return;
    marked_ = detail::new_event();
    sent_ = detail::new_event();
    stream_ = detail::new_stream();
  }

  cudaStream_t stream_ = nullptr;
  cudaEvent_t marked_ = nullptr, sent_ = nullptr;
  void* staging_ = nullptr;
  std::size_t bytes_ = 0, capacity_ = 0;
};

}  // namespace lift
