// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <nccl.h>

#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/backend/cuda/cuda_error.hpp>
#include <lift/core/error.hpp>
#include <lift/core/unwinding.hpp>
#include <lift/dist/nccl/device_sums.hpp>

namespace lift {

namespace detail {

/// Throws lift::error, naming the call, unless it succeeded.
inline void check_nccl(ncclResult_t status, const char* call) {
  if (status == ncclSuccess) return;
  const char* const more = ncclGetLastError(nullptr);
  throw error(text(call, ": ", ncclGetErrorString(status), more && *more ? text(" (", more, ")") : ""));
}

/// NCCL's sums, on a stream of their own.
class nccl_sums final : public device_sums {
 public:
  static std::string new_id() {
    ncclUniqueId id = {};
    check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
    return {reinterpret_cast<const char*>(&id), sizeof id};
  }

  nccl_sums(const std::string& bytes, std::size_t rank, std::size_t size) {
    ncclUniqueId id = {};
    require(bytes.size() == sizeof id, "bytes of NCCL's id", bytes.size(), sizeof id);
    std::memcpy(&id, bytes.data(), sizeof id);
    check_nccl(ncclCommInitRank(&ranks_, static_cast<int>(size), id, static_cast<int>(rank)),
               "ncclCommInitRank");
    stream_ = new_stream();
    ready_ = new_event();
    done_ = new_event();
  }
  nccl_sums(const nccl_sums&) = delete;
  nccl_sums& operator=(const nccl_sums&) = delete;
  /// Where an exception leaves the scope the others may not come to what is waited for.
  ~nccl_sums() override {
    if (exception_.began()) {
      ncclCommAbort(ranks_);
    } else {
      cudaStreamSynchronize(stream_);
      ncclCommDestroy(ranks_);
    }
    cudaEventDestroy(ready_);
    cudaEventDestroy(done_);
    cudaStreamDestroy(stream_);
  }

  void begin(std::span<const numbers> all, cudaStream_t stream) override {
    check_cuda(cudaEventRecord(ready_, stream), "cudaEventRecord");
    check_cuda(cudaStreamWaitEvent(stream_, ready_, 0), "cudaStreamWaitEvent");
    check_nccl(ncclGroupStart(), "ncclGroupStart");
    for (const numbers& x : all)
      check_nccl(ncclAllReduce(x.data, x.data, x.count, x.single ? ncclFloat32 : ncclFloat64, ncclSum,
                               ranks_, stream_),
                 "ncclAllReduce");
    check_nccl(ncclGroupEnd(), "ncclGroupEnd");
    begun_ = true;
  }
  void finish(cudaStream_t stream) override {
    if (!std::exchange(begun_, false)) return;
    check_cuda(cudaEventRecord(done_, stream_), "cudaEventRecord");
    check_cuda(cudaStreamWaitEvent(stream, done_, 0), "cudaStreamWaitEvent");
  }

 private:
  unwinding exception_;
  ncclComm_t ranks_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t ready_ = nullptr, done_ = nullptr;
  bool begun_ = false;
};

}  // namespace detail

/// NCCL, of version 2.10 or later. Its functions throw lift::error as it says, for instance where two
/// ranks have the same device.
inline device_sums_library nccl_library() {
  return {detail::nccl_sums::new_id,
          [](const std::string& id, std::size_t rank, std::size_t size) -> std::unique_ptr<device_sums> {
            return std::make_unique<detail::nccl_sums>(id, rank, size);
          }};
}

}  // namespace lift
