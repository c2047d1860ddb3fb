// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>

#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/backend/recorded_work.hpp>

namespace lift::detail {

/// Closes what a CUDA call opened.
template <auto Destroy>
struct cuda_closer {
  template <class Handle>
  void operator()(Handle* handle) const { Destroy(handle); }
};
template <class Handle, auto Destroy>
using cuda_handle = std::unique_ptr<std::remove_pointer_t<Handle>, cuda_closer<Destroy>>;

/// Work as a CUDA graph, with memory of its own that is the same at every repetition.
class cuda_record {
 public:
  cuda_record() = default;
  cuda_record(const cuda_record&) = delete;
  cuda_record& operator=(const cuda_record&) = delete;
  ~cuda_record() {
    if (memory_) cudaStreamSynchronize(device().main().stream);  // it may be in use
  }

  static bool recording() { return device().here().recording(); }
  bool made() const { return graph_ != nullptr; }

  template <class F>
  void try_out(const F& work) {
    device().synchronise(device().main().stream);
    device().main().memory->release();  // most of it is needed twice otherwise
    if (!memory_) memory_ = std::make_shared<device_memory::element_type>();
    device().work_in({device().main().stream, memory_}, work);
  }

  template <class F>
  void make(const F& work) {
    forget();
    memory_->keep_segments();
    const cudaStream_t stream = device().capture_stream();
    check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed),
               "cudaStreamBeginCapture");
    cudaGraph_t captured = nullptr;
    try {
      device().work_in({stream, memory_, &constants_, device().next_record()}, work);
    } catch (...) {
      cudaStreamEndCapture(stream, &captured);
      if (captured) cudaGraphDestroy(captured);
      cudaGetLastError();  // a capture that failed would be reported again
      throw;
    }
    check_cuda(cudaStreamEndCapture(stream, &captured), "cudaStreamEndCapture");
    const cuda_handle<cudaGraph_t, cudaGraphDestroy> graph(captured);
    cudaGraphExec_t executable = nullptr;
    check_cuda(cudaGraphInstantiateWithFlags(&executable, captured, 0), "cudaGraphInstantiate");
    graph_.reset(executable);
  }

  void forget() {
    device().synchronise(device().main().stream);  // nobody uses its memory any more
    graph_.reset();
    constants_.clear();
  }

  void replay() {
    check_cuda(cudaGraphLaunch(graph_.get(), device().main().stream), "cudaGraphLaunch");
  }

 private:
  static cuda_device& device() { return cuda_device::get(); }

  device_memory memory_;
  record_constants constants_;
  cuda_handle<cudaGraphExec_t, cudaGraphExecDestroy> graph_;  // before the memory goes
};

}  // namespace lift::detail
