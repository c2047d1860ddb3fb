// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <lift/backend/cuda/cuda_error.hpp>
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

  static inline std::atomic<std::size_t> held = 0, most_held = 0;  // bytes of the process's pools

  static void* get(std::size_t bytes) noexcept {
    void* memory = nullptr;
    if (cudaMalloc(&memory, bytes) != cudaSuccess) {
      cudaGetLastError();  // or the next call would report it again
      return nullptr;
    }
    const std::size_t now = held += bytes;
    for (std::size_t most = most_held; most < now && !most_held.compare_exchange_weak(most, now);) {
    }
    return memory;
  }
  static void put(void* memory, std::size_t bytes) noexcept {
    cudaFree(memory);
    held -= bytes;
  }
  [[noreturn]] static void fail(std::size_t bytes, std::size_t idle) {
    std::size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    throw error(text("cudaMalloc: out of device memory: wanted ", bytes / mebibyte, " MiB, free ",
                     (free + idle) / mebibyte, " of ", total / mebibyte, " MiB"));
  }
};

}  // namespace lift::detail

namespace lift {
/// The most bytes of device memory that this process's backends have held at once.
inline std::size_t peak_device_memory() { return detail::device_segments::most_held; }
}  // namespace lift

namespace lift::detail {

/// Device memory for what is asked of a stream: a block that comes back may be given out at once, as
/// the work that is asked for then is done after what was asked before.
using device_memory = std::shared_ptr<segment_pool<device_segments>>;

inline cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return stream;
}

inline cudaEvent_t new_event() {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  return event;
}

/// What a record of work holds of the host's.
using record_constants = std::vector<std::unique_ptr<pool_block<device_memory>>>;

/// Where a thread's work goes.
struct execution_context {
  cudaStream_t stream = nullptr;
  device_memory memory;
  record_constants* constants = nullptr;  // of the record the stream is being captured for, or null
  std::uint64_t record = 0;               // its number, from 1

  bool recording() const { return constants != nullptr; }
};

/// The CUDA device that is current at first use, from then on for every thread that works with it,
/// with one stream that work goes to: what was asked for first is done first, whichever thread asked. Throws lift::error where there is no device.
class cuda_device {
 public:
  static cuda_device& get() {
    static cuda_device& device = *new cuda_device;  // outlives every buffer, static ones too
    [[maybe_unused]] thread_local const bool chosen = device.choose();  // threads begin at device 0
    return device;
  }
  cuda_device(const cuda_device&) = delete;
  cuda_device& operator=(const cuda_device&) = delete;

  /// Where work goes unless it is recorded.
  const execution_context& main() const { return main_; }
  /// Where the work of this thread goes now.
  const execution_context& here() const { return detour() ? *detour() : main_; }
  cudaStream_t stream() const { return here().stream; }

  /// The stream that this thread's work is captured from. It stays, as libraries remember it.
  static cudaStream_t capture_stream() {
    thread_local const cudaStream_t mine = new_stream();
    return mine;
  }
  /// The number of one more record.
  std::uint64_t next_record() { return ++records_; }

  /// Calls f() with this thread's work going elsewhere.
  template <class F>
  void work_in(const execution_context& context, const F& f) {
    struct back {
      const execution_context* to;
      ~back() { detour() = to; }
    } const afterwards{std::exchange(detour(), &context)};
    f();
  }

  /// From host memory, which is the caller's again at once; the device is not waited for unless
  /// the bytes are many. While work is recorded the bytes become part of the record.
  void copy_in(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    const execution_context& context = here();
    if (context.recording()) {
      auto kept = std::make_unique<pool_block<device_memory>>(main_.memory, bytes);
      synchronise(main_.stream);  // the block may have been another's
      copy(kept->data(), from, bytes, cudaMemcpyHostToDevice, constants_);
      synchronise(constants_);
      copy(to, kept->data(), bytes, cudaMemcpyDeviceToDevice, context.stream);
      context.constants->push_back(std::move(kept));
      return;
    }
    const std::lock_guard lock(mutex_);
    const void* source = from;
    if (bytes <= half) {
      if (used_ + bytes > half) {  // go on in the other half, once its copies are done
        check_cuda(cudaEventRecord(left_[current_], main_.stream), "cudaEventRecord");
        current_ = 1 - current_;
        used_ = 0;
        check_cuda(cudaEventSynchronize(left_[current_]), "cudaEventSynchronize");
      }
      std::byte* const staged = staging_ + current_ * half + used_;
      std::memcpy(staged, from, bytes);
      used_ += bytes;
      source = staged;
    }
    copy(to, source, bytes, cudaMemcpyHostToDevice, main_.stream);
    if (source == from) synchronise(main_.stream);
  }

  /// To host memory; waits for it and so for all that was asked before. Throws lift::error while
  /// work is recorded.
  void copy_out(void* to, const void* from, std::size_t bytes) {
    if (here().recording())
      throw error("work that is recorded copies to the host: it cannot be replayed");
    if (bytes == 0) return;
    copy(to, from, bytes, cudaMemcpyDeviceToHost, main_.stream);
    synchronise(main_.stream);
  }

  /// Waits for all that was asked of a stream.
  static void synchronise(cudaStream_t stream) {
    check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  }

  static void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                   cudaStream_t stream) {
    check_cuda(cudaMemcpyAsync(to, from, bytes, kind, stream),
               kind == cudaMemcpyDeviceToHost ? "cudaMemcpyAsync to the host"
                                              : "cudaMemcpyAsync to the device");
  }

 private:
  static constexpr std::size_t half = std::size_t{8} << 20;

  cuda_device() {
    int devices = 0;
    check_cuda(cudaGetDeviceCount(&devices), "no CUDA device can be used: cudaGetDeviceCount");
    require(devices > 0, "no CUDA device can be used: devices", devices, "at least 1");
    check_cuda(cudaGetDevice(&number_), "cudaGetDevice");
    main_ = {new_stream(), std::make_shared<device_memory::element_type>()};
    constants_ = new_stream();
    void* staging = nullptr;
    check_cuda(cudaMallocHost(&staging, 2 * half), "cudaMallocHost");
    staging_ = static_cast<std::byte*>(staging);
    for (cudaEvent_t& event : left_) event = new_event();
  }

  bool choose() const {
    check_cuda(cudaSetDevice(number_), "cudaSetDevice");
    return true;
  }

  static const execution_context*& detour() {
    thread_local const execution_context* context = nullptr;
    return context;
  }

  int number_ = 0;
  execution_context main_;
  std::atomic<std::uint64_t> records_ = 0;
  cudaStream_t constants_ = nullptr;  // copies of what becomes part of a record
  std::mutex mutex_;  // of the staging memory: pinned, two halves that take turns
  std::byte* staging_ = nullptr;
  cudaEvent_t left_[2] = {};
  std::size_t current_ = 0, used_ = 0;
};

/// This thread's handle of a library, set to where its work goes. Library says what a handle is:
/// create(), destroy(handle), work_in(handle, context).
template <class Library>
typename Library::handle library_handle() {
  struct owner {
    typename Library::handle handle = Library::create();
    cudaStream_t stream = nullptr;
    std::uint64_t record = 0;
    ~owner() { Library::destroy(handle); }
  };
  thread_local owner mine;
  const execution_context& context = cuda_device::get().here();
  if (mine.stream != context.stream || mine.record != context.record) {
    Library::work_in(mine.handle, context);
    mine.stream = context.stream;
    mine.record = context.record;
  }
  return mine.handle;
}

/// Device memory for what this thread asks for while it has it.
struct device_block : pool_block<device_memory> {
  explicit device_block(std::size_t bytes)
      : pool_block(cuda_device::get().here().memory, bytes) {}
};

}  // namespace lift::detail
