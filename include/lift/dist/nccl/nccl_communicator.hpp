// SPDX-License-Identifier: MIT
#pragma once

// For nvcc, and NCCL of version 2.10 or later.

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nccl.h>

#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/backend/cuda/cuda_error.hpp>
#include <lift/core/error.hpp>
#include <lift/core/unwinding.hpp>
#include <lift/dist/communicator.hpp>

namespace lift {

namespace detail {

/// Throws lift::error, naming the call, unless it succeeded.
inline void check_nccl(ncclResult_t status, const char* call) {
  if (status == ncclSuccess) return;
  const char* const more = ncclGetLastError(nullptr);
  throw error(text(call, ": ", ncclGetErrorString(status), more && *more ? text(" (", more, ")") : ""));
}

template <class T>
constexpr ncclDataType_t nccl_type() {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
  return std::is_same_v<T, float> ? ncclFloat32 : ncclFloat64;
}

/// One rank's part in NCCL's sums, on a stream of its own beside that of the device's work.
class nccl_sums {
 public:
  nccl_sums(const ncclUniqueId& id, std::size_t rank, std::size_t size) {
    cuda_device::get();  // chooses the device
    check_nccl(ncclCommInitRank(&ranks_, static_cast<int>(size), id, static_cast<int>(rank)), "ncclCommInitRank");
    stream_ = new_stream();
    ready_ = new_event();
    done_ = new_event();
  }
  nccl_sums(const nccl_sums&) = delete;
  nccl_sums& operator=(const nccl_sums&) = delete;
  /// Where an exception leaves the scope the others may not come to what is waited for.
  ~nccl_sums() {
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

  template <class Tensor>
  void begin(std::span<Tensor* const> tensors) {
    check_cuda(cudaEventRecord(ready_, cuda_device::get().stream()), "cudaEventRecord");
    check_cuda(cudaStreamWaitEvent(stream_, ready_, 0), "cudaStreamWaitEvent");
    check_nccl(ncclGroupStart(), "ncclGroupStart");
    for (Tensor* const x : tensors)
      check_nccl(ncclAllReduce(x->data(), x->mutable_data(), x->size(),
                               nccl_type<typename Tensor::value_type>(), ncclSum, ranks_, stream_),
                 "ncclAllReduce");
    check_nccl(ncclGroupEnd(), "ncclGroupEnd");
    begun_ = true;
  }
  /// The device's work that is asked for from now on comes after the sums.
  void finish() {
    if (!std::exchange(begun_, false)) return;
    check_cuda(cudaEventRecord(done_, stream_), "cudaEventRecord");
    check_cuda(cudaStreamWaitEvent(cuda_device::get().stream(), done_, 0), "cudaStreamWaitEvent");
  }

 private:
  unwinding exception_;
  ncclComm_t ranks_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t ready_ = nullptr, done_ = nullptr;
  bool begun_ = false;
};

}  // namespace detail

/// The ranks of a job that each have a CUDA device: tensors are summed between the devices by NCCL,
/// in an order that NCCL chooses, the same on all ranks; all else is Control's, another communicator
/// of the same ranks, such as mpi_communicator. Sums are part of the work of the CUDA backend's
/// stream, also where that is recorded. Copies are the same rank of the same job.
///
/// Where a rank fails, or does not answer, it is Control that ends the job.
template <class Control>
class nccl_communicator {
 public:
  /// All ranks together. A rank without others needs no NCCL. Throws lift::error as NCCL says, for
  /// instance where two ranks have the same device.
  explicit nccl_communicator(Control control) : control_(std::move(control)) {
    if (size() == 1) return;
    ncclUniqueId id = {};
    if (rank() == 0) detail::check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
    std::string bytes(reinterpret_cast<const char*>(&id), sizeof id);
    control_.broadcast(bytes);
    require(bytes.size() == sizeof id, "bytes of NCCL's id", bytes.size(), sizeof id);
    std::memcpy(&id, bytes.data(), sizeof id);
    sums_ = std::make_shared<detail::nccl_sums>(id, rank(), size());
  }

  std::size_t rank() const { return control_.rank(); }
  std::size_t size() const { return control_.size(); }

  template <class Tensor>
  void sum(std::span<Tensor* const> tensors) {
    begin_sum(tensors);
    finish_sums();
  }
  /// As device_summing_communicator.
  template <class Tensor>
  void begin_sum(std::span<Tensor* const> tensors) {
    if (sums_) sums_->begin(tensors);
  }
  void finish_sums() {
    if (sums_) sums_->finish();
  }

  void broadcast(std::string& bytes) { control_.broadcast(bytes); }
  std::vector<std::string> gather(std::string_view own) { return control_.gather(own); }
  void barrier() { control_.barrier(); }
  [[noreturn]] void abort(const std::string& message) {
    control_.abort(message);
    throw error(message);
  }

 private:
  Control control_;
  std::shared_ptr<detail::nccl_sums> sums_;  // before control_ ends
};

}  // namespace lift
