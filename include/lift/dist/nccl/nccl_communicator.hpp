// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/core/error.hpp>
#include <lift/dist/communicator.hpp>
#include <lift/dist/nccl/device_sums.hpp>

namespace lift {

/// The ranks of a job that each have a CUDA device: tensors are summed between the devices by NCCL,
/// in an order that NCCL chooses, the same on all ranks; all else is Control's, another communicator
/// of the same ranks, such as mpi_communicator. Sums are part of the work of the CUDA backend's
/// stream, also where that is recorded. Copies are the same rank of the same job.
///
/// Where a rank fails, or does not answer, it is Control that ends the job.
template <class Control>
class nccl_communicator {
 public:
  /// All ranks together, with nccl_library(), which a rank without others does not need.
  nccl_communicator(Control control, const device_sums_library& library) : control_(std::move(control)) {
    if (size() == 1) return;
    detail::cuda_device::get();  // makes the device current
    std::string id = rank() == 0 ? library.new_id() : "";
    control_.broadcast(id);
    sums_ = library.join(id, rank(), size());
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
    using T = typename Tensor::value_type;
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
    if (!sums_) return;
    std::vector<device_sums::numbers> all;
    for (Tensor* const x : tensors) all.push_back({x->mutable_data(), x->size(), std::is_same_v<T, float>});
    sums_->begin(all, stream());
  }
  void finish_sums() {
    if (sums_) sums_->finish(stream());
  }

  void broadcast(std::string& bytes) { control_.broadcast(bytes); }
  std::vector<std::string> gather(std::string_view own) { return control_.gather(own); }
  void barrier() { control_.barrier(); }
  [[noreturn]] void abort(const std::string& message) {
    control_.abort(message);
    throw error(message);
  }

 private:
  static cudaStream_t stream() { return detail::cuda_device::get().stream(); }

  Control control_;
  std::shared_ptr<device_sums> sums_;  // ends before control_
};

}  // namespace lift
