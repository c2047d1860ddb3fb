// SPDX-License-Identifier: MIT
// The part of the CUDA runtime that LIFT uses, on the host: device memory is memory that only work
// may use, streams are queues of work, and kernels are those of the library that the environment
// variable LIFT_EMULATED_KERNELS names. Where it names none there is no device.
//
// LIFT_EMULATOR_SEED says when work is done. 0 or unset: as it is asked for. Any other number: when
// something waits for it or earlier, at moments drawn by a generator with this seed, so that work
// of several streams is done in different orders, all of which a device might choose.

#include "runtime.hpp"

#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernel_table.hpp"

namespace emulator {

/// A point in a stream's work.
struct point {
  CUstream_st* stream;
  bool reached = false;
  std::chrono::steady_clock::time_point when = {};  // it was reached

  void reach() {
    reached = true;
    when = std::chrono::steady_clock::now();
  }
};

struct task {
  std::function<void()> work;          // none: the stream only waits
  std::shared_ptr<const point> after;  // reached before the work is begun
};

using recorded_work = std::vector<std::function<void()>>;

enum class capture { none, going_on, failed };

}  // namespace emulator

struct CUstream_st {
  std::deque<emulator::task> queue;
  emulator::capture capture = emulator::capture::none;
  emulator::recorded_work captured;
  std::uint32_t rest = 0;  // until it goes on by itself, see scheduler

  // Of a stream that has come into another's capture, by waiting for an event of it.
  CUstream_st* origin = nullptr;                  // that stream
  std::uint64_t asked = 0, waited_for = 0;        // how much work was asked of this one; and others have waited for

  /// The stream whose capture this one's work becomes part of; null where it is done.
  CUstream_st* capturing() {
    if (capture != emulator::capture::none) return this;
    return origin;
  }
};
struct CUevent_st {
  std::shared_ptr<const emulator::point> latest;  // null until it is recorded
  CUstream_st* captured_in = nullptr;             // the stream, where it was while it was captured
  std::uint64_t after = 0;                        // work that was asked of that stream before
};
struct CUgraph_st {
  emulator::recorded_work work;
};
struct CUgraphExec_st {
  std::shared_ptr<const emulator::recorded_work> work;  // also held by launches that are to come
};

namespace emulator {
namespace {

/// Blocks of memory that are in use. New ones hold NaN; addresses of old ones are never used again.
class memory {
 public:
  struct block {
    std::uint64_t start = 0, bytes = 0;
    bool holds(std::uint64_t address, std::uint64_t size) const {
      return address >= start && size <= bytes && address - start <= bytes - size;
    }
  };

  /// Null where the host has not so much.
  void* get(std::size_t bytes) {
    void* const start = map(nullptr, bytes, PROT_READ | PROT_WRITE, 0);
    if (start == MAP_FAILED) return nullptr;
    std::memset(start, 0xff, bytes);
    blocks_[address_of(start)] = bytes;
    used_bytes_ += bytes;
    return start;
  }

  /// False where no block starts there.
  bool put(void* start) {
    const auto found = blocks_.find(address_of(start));
    if (found == blocks_.end()) return false;
    map(start, found->second, PROT_NONE, MAP_FIXED);
    used_bytes_ -= found->second;
    blocks_.erase(found);
    ++blocks_put_;
    return true;
  }

  /// The block that holds these bytes; an empty one where there is none.
  block find(std::uint64_t address, std::uint64_t bytes) const {
    auto after = blocks_.upper_bound(address);
    if (after == blocks_.begin()) return {};
    const auto [start, size] = *std::prev(after);
    const block found{start, size};
    return found.holds(address, bytes) ? found : block{};
  }
  bool holds(const void* start, std::size_t bytes) const {
    return find(address_of(start), bytes).bytes > 0;
  }

  std::size_t used_bytes() const { return used_bytes_; }
  /// How many blocks were in use and are not any more.
  std::uint64_t blocks_put() const { return blocks_put_; }

 private:
  static std::uint64_t address_of(const void* start) {
    return reinterpret_cast<std::uint64_t>(start);
  }
  static void* map(void* start, std::size_t bytes, int protection, int flags) {
    flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    return mmap(start, bytes, protection, flags, -1, 0);
  }

  std::map<std::uint64_t, std::uint64_t> blocks_;  // sizes by addresses
  std::size_t used_bytes_ = 0;
  std::atomic<std::uint64_t> blocks_put_ = 0;
};

/// What handles refer to, in the order it was made.
template <class Object>
class handles {
 public:
  explicit handles(const char* name) : name_(name) {}

  Object* add(Object object = {}) {
    return live_.emplace_back(std::make_unique<Object>(std::move(object))).get();
  }
  Object& at(Object* handle) { return **find(handle); }
  void remove(Object* handle) { live_.erase(find(handle)); }

  auto begin() { return live_.begin(); }
  auto end() { return live_.end(); }

 private:
  auto find(Object* handle) {
    const auto found = std::find_if(live_.begin(), live_.end(),
                                    [=](const auto& object) { return object.get() == handle; });
    if (found == live_.end()) fail("there is no such ", name_, ", or no more");
    return found;
  }

  const char* name_;
  std::vector<std::unique_ptr<Object>> live_;
};

/// Streams, and what was asked of them and is not done yet.
class scheduler {
 public:
  explicit scheduler(std::uint32_t seed) : waits_(seed != 0), generator_(seed) { default_ = add(); }

  CUstream_st* add() {
    CUstream_st* const made = streams_.add();
    made->rest = draw();
    return made;
  }
  CUstream_st& at(cudaStream_t stream) { return streams_.at(stream ? stream : default_); }
  void remove(cudaStream_t stream) {
    finish(at(stream));
    streams_.remove(stream);
  }

  /// Has work done after what was asked of the stream before.
  cudaError_t ask(CUstream_st& stream, std::function<void()> work) {
    ++stream.asked;
    CUstream_st* const capturing = stream.capturing();
    if (!capturing)
      push(stream, {std::move(work), nullptr});
    else if (capturing->capture == capture::failed)
      return cudaErrorStreamCaptureInvalidated;
    else
      capturing->captured.push_back(std::move(work));  // one order of all streams' work
    return cudaSuccess;
  }

  /// Has the stream wait for a point of another.
  void ask_to_wait(CUstream_st& stream, std::shared_ptr<const point> after) {
    push(stream, {nullptr, std::move(after)});
  }

  /// Ends the capture of a stream for those that have come into it; false where it does not wait for the
  /// last work of one of them.
  bool join(CUstream_st& origin) {
    bool all = true;
    for (const auto& stream : streams_) {
      if (stream->origin != &origin) continue;
      all = all && stream->waited_for == stream->asked;
      stream->origin = nullptr;
    }
    return all;
  }

  void finish(CUstream_st& stream) {
    while (!stream.queue.empty()) {
      do_one_for(stream);
      go_on();
    }
  }
  void finish_all() {
    for (const auto& stream : streams_) finish(*stream);
  }
  void reach(const point& wanted) {
    while (!wanted.reached) {
      do_one_for(*wanted.stream);
      go_on();
    }
  }

  /// At each call, and whenever a task was waited for: a stream rests for some of these times, then
  /// does some tasks, then rests again.
  void go_on() {
    if (!waits_) return;
    for (const auto& stream : streams_) {
      if (--stream->rest > 0) continue;
      stream->rest = draw();
      for (std::uint32_t tasks = draw(); tasks > 0 && can_go_on(*stream); --tasks) do_next(*stream);
    }
  }

 private:
  void push(CUstream_st& stream, task asked) {
    stream.queue.push_back(std::move(asked));
    if (!waits_) finish(stream);
  }

  /// A task that the stream's next has to wait for, or the next itself.
  static void do_one_for(CUstream_st& stream) {
    const auto& after = stream.queue.front().after;
    if (after && !after->reached)
      do_one_for(*after->stream);
    else
      do_next(stream);
  }

  static void do_next(CUstream_st& stream) {
    const task next = std::move(stream.queue.front());
    stream.queue.pop_front();
    if (next.work) next.work();
  }

  static bool can_go_on(const CUstream_st& stream) {
    if (stream.queue.empty()) return false;
    const auto& after = stream.queue.front().after;
    return !after || after->reached;
  }

  /// From 1 to 128, powers of two, each as likely as the others.
  std::uint32_t draw() { return 1u << generator_() % 8; }

  const bool waits_;
  std::mt19937 generator_;
  handles<CUstream_st> streams_{"stream"};
  CUstream_st* default_;
};

/// The translated kernels.
class kernel_library {
 public:
  explicit kernel_library(const char* path) {
    if (!path || !*path) return;
    // They call this library, which a program may have opened for itself alone.
    static const char here = 0;
    Dl_info self;
    if (!dladdr(&here, &self) || !dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL))
      fail("the emulator cannot find itself");
    library_ = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library_) fail(dlerror());
    const auto* const kernels = static_cast<const kernel*>(symbol("emulator_kernels"));
    const auto count = *static_cast<const std::uint32_t*>(symbol("emulator_kernel_count"));
    for (std::uint32_t i = 0; i < count; ++i) kernels_[kernels[i].name] = &kernels[i];
  }

  bool given() const { return library_ != nullptr; }

  const kernel* at(const std::string& name) const {
    const auto found = kernels_.find(name);
    if (found == kernels_.end()) fail("the kernel ", name, " was not translated");
    return found->second;
  }

 private:
  const void* symbol(const char* name) const {
    const void* const found = dlsym(library_, name);
    if (!found) fail(dlerror());
    return found;
  }

  void* library_ = nullptr;
  std::map<std::string, const kernel*> kernels_;
};

std::uint32_t seed() {
  const char* const given = std::getenv("LIFT_EMULATOR_SEED");
  return given ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10)) : 0;
}

/// All but what threads have of their own.
struct runtime {
  static runtime& get() {
    static runtime& only = *new runtime;  // outlives every handle, static ones too
    return only;
  }

  static constexpr std::size_t device_bytes = std::size_t{12} << 30;

  std::mutex mutex;  // whoever calls, and so does work, has it
  const kernel_library kernels{std::getenv("LIFT_EMULATED_KERNELS")};
  memory device, pinned;
  scheduler streams{seed()};
  handles<CUevent_st> events{"event"};
  handles<CUgraph_st> graphs{"graph"};
  handles<CUgraphExec_st> executables{"graph to be launched"};
};

/// Names of kernels by the functions of the host that launch them.
std::map<const void*, std::string>& kernel_names() {
  static auto& names = *new std::map<const void*, std::string>;
  return names;
}

thread_local cudaError_t last_error = cudaSuccess;

cudaError_t noted(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}

/// Does f(runtime), which returns a status, as a call of this thread.
template <class F>
cudaError_t call(const F& f) {
  runtime& r = runtime::get();
  const std::lock_guard lock(r.mutex);
  if (!r.kernels.given()) return noted(cudaErrorNoDevice);
  r.streams.go_on();
  return noted(f(r));
}

struct error_text {
  cudaError_t status;
  const char *name, *text;
};
constexpr error_text error_texts[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorIllegalState, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
};
constexpr error_text other_error{cudaErrorUnknown, "unrecognized error code",
                                 "unrecognized error code"};

const error_text& text_of(cudaError_t status) {
  for (const error_text& known : error_texts)
    if (known.status == status) return known;
  return other_error;
}

std::size_t round_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

// Memory.

cudaError_t get_device_memory(runtime& r, void** memory, std::size_t bytes) {
  constexpr std::size_t alignment = 512;
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > runtime::device_bytes) return cudaErrorMemoryAllocation;
  bytes = round_up(bytes, alignment);
  if (r.device.used_bytes() + bytes <= runtime::device_bytes) *memory = r.device.get(bytes);
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t get_pinned_memory(runtime& r, void** memory, std::size_t bytes) {
  *memory = r.pinned.get(std::max<std::size_t>(bytes, 1));
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}

/// Waits for all work first, as CUDA does.
cudaError_t put_memory(runtime& r, memory& from, void* start) {
  if (!start) return cudaSuccess;
  r.streams.finish_all();
  return from.put(start) ? cudaSuccess : cudaErrorInvalidValue;
}

bool overlap(const void* a, const void* b, std::size_t bytes) {
  const auto x = reinterpret_cast<std::uint64_t>(a), y = reinterpret_cast<std::uint64_t>(b);
  return x < y + bytes && y < x + bytes;
}

struct copy {
  void* to;
  const void* from;
  std::size_t bytes;
  cudaMemcpyKind kind;

  bool to_device() const {
    return kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  }
  bool from_device() const {
    return kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  }
  bool suits(const memory& device) const {
    return device.holds(to, bytes) == to_device() && device.holds(from, bytes) == from_device();
  }

  void operator()() const {
    if (to_device()) check_device_memory(to, bytes, "copy to the device");
    if (from_device()) check_device_memory(from, bytes, "copy from the device");
    std::memcpy(to, from, bytes);
  }
};

/// Copies what the host has there now.
cudaError_t ask_for_copy_of_now(runtime& r, const copy& asked, CUstream_st& stream) {
  const auto* const from = static_cast<const std::byte*>(asked.from);
  const auto now = std::make_shared<const std::vector<std::byte>>(from, from + asked.bytes);
  return r.streams.ask(stream, [asked, now] {
    copy{asked.to, now->data(), asked.bytes, asked.kind}();
  });
}

/// Memory of the host that is not pinned is read at once, or written before the call returns.
cudaError_t ask_for_copy(runtime& r, const copy& asked, CUstream_st& stream) {
  if (asked.bytes == 0) return cudaSuccess;
  if (!asked.suits(r.device)) fail("a copy of kind ", asked.kind, " from or to other memory");
  if (overlap(asked.to, asked.from, asked.bytes)) fail("a copy to where it comes from");
  const bool within_device = asked.to_device() && asked.from_device();
  if (stream.capture != capture::none && !within_device)
    fail("a copy of the host's memory is captured");
  const bool at_once =
      !within_device && !r.pinned.holds(asked.to_device() ? asked.from : asked.to, asked.bytes);
  if (at_once && asked.to_device()) return ask_for_copy_of_now(r, asked, stream);
  const cudaError_t status = r.streams.ask(stream, asked);
  if (at_once) r.streams.finish(stream);
  return status;
}

// Kernels.

struct configuration {
  dim3 grid, block;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

/// Of the launch that is about to come, innermost last.
std::vector<configuration>& configurations() {
  thread_local std::vector<configuration> pushed;
  return pushed;
}

bool fits(unsigned n, unsigned most) { return n >= 1 && n <= most; }

cudaError_t check_configuration(const kernel& launched, const configuration& c) {
  constexpr std::uint64_t most_threads = 1024;
  constexpr std::size_t most_shared_bytes = std::size_t{48} << 10;
  constexpr std::uint32_t most_parameter_bytes = 32764;
  if (!fits(c.grid.x, 0x7fffffff) || !fits(c.grid.y, 65535) || !fits(c.grid.z, 65535))
    return cudaErrorInvalidConfiguration;
  if (!fits(c.block.x, 1024) || !fits(c.block.y, 1024) || !fits(c.block.z, 64) ||
      std::uint64_t{c.block.x} * c.block.y * c.block.z > most_threads)
    return cudaErrorInvalidConfiguration;
  if (c.shared_bytes + launched.shared_bytes > most_shared_bytes) return cudaErrorInvalidValue;
  if (launched.parameter_bytes > most_parameter_bytes)
    fail(launched.name, " has ", launched.parameter_bytes, " bytes of parameters");
  return cudaSuccess;
}

std::vector<std::byte> parameters_of(const kernel& launched, void** arguments) {
  std::vector<std::byte> parameters(launched.parameter_bytes);
  for (std::uint32_t i = 0; i < launched.parameter_count; ++i)
    std::memcpy(&parameters[launched.parameter_offset[i]], arguments[i],
                launched.parameter_size[i]);
  return parameters;
}

cudaError_t ask_for_launch(runtime& r, const kernel& launched, const configuration& c,
                           void** arguments) {
  if (const cudaError_t status = check_configuration(launched, c)) return status;
  return r.streams.ask(
      r.streams.at(c.stream), [&launched, c, parameters = parameters_of(launched, arguments)] {
        launched.run({.grid = {c.grid.x, c.grid.y, c.grid.z},
                      .block = {c.block.x, c.block.y, c.block.z},
                      .dynamic_shared_bytes = static_cast<std::uint32_t>(c.shared_bytes),
                      .parameters = parameters.data()});
      });
}

// Streams.

cudaError_t synchronise(runtime& r, CUstream_st& stream) {
  if (CUstream_st* const capturing = stream.capturing()) {
    capturing->capture = capture::failed;
    return cudaErrorStreamCaptureUnsupported;
  }
  r.streams.finish(stream);
  return cudaSuccess;
}

cudaError_t begin_capture(CUstream_st& stream) {
  if (stream.capturing()) return cudaErrorIllegalState;
  stream.capture = capture::going_on;
  return cudaSuccess;
}

cudaError_t end_capture(runtime& r, CUstream_st& stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (stream.capture == capture::none) return cudaErrorIllegalState;
  const bool failed = std::exchange(stream.capture, capture::none) == capture::failed;
  recorded_work work = std::exchange(stream.captured, {});
  const bool joined = r.streams.join(stream);
  if (failed) return cudaErrorStreamCaptureInvalidated;
  if (!joined) return cudaErrorStreamCaptureUnjoined;
  *graph = r.graphs.add({std::move(work)});
  return cudaSuccess;
}

CUstream_st& not_captured(runtime& r, cudaStream_t stream, const char* use) {
  CUstream_st& found = r.streams.at(stream);
  if (found.capturing()) fail(use, " of a stream that is captured is not emulated");
  return found;
}

}  // namespace

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  return call([&](runtime& r) { return r.streams.ask(r.streams.at(stream), std::move(work)); });
}

cudaError_t enqueue_and_finish(cudaStream_t stream, std::function<void()> work) {
  return call([&](runtime& r) {
    CUstream_st& asked = r.streams.at(stream);
    const cudaError_t status = r.streams.ask(asked, std::move(work));
    if (!asked.capturing()) r.streams.finish(asked);
    return status;
  });
}

void check_device_memory(const void* start, std::size_t bytes, const char* use) {
  if (bytes > 0 && !runtime::get().device.holds(start, bytes))
    fail(use, ": ", bytes, " bytes at ", start, " are not device memory");
}

void overwrite_work_space(void* start, std::size_t bytes) {
  check_device_memory(start, bytes, "work space");
  std::memset(start, 0xff, bytes);
}

}  // namespace emulator

using namespace emulator;

// Called by threads that do parts of a kernel. Meanwhile no memory is got or put, as the thread
// that launched them has the runtime's mutex.
void emulator_check_address(std::uint64_t address, std::uint32_t bytes) {
  thread_local memory::block recent;  // kernels use the same block again and again
  thread_local std::uint64_t blocks_put = 0;
  const memory& device = runtime::get().device;
  if (blocks_put == device.blocks_put() && recent.holds(address, bytes)) return;
  recent = device.find(address, bytes);
  blocks_put = device.blocks_put();
  if (recent.bytes == 0)
    fail("a kernel uses ", bytes, " bytes at 0x", std::hex, address, " that are not device memory");
}

extern "C" {

// What the host's part of a kernel calls.

void** __cudaRegisterFatBinary(void*) {
  static void* handle = nullptr;
  return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterFunction(void**, const char* function, char*, const char* name, int, uint3*,
                            uint3*, dim3*, dim3*, int*) {
  kernel_names()[function] = name;
}
void __cudaRegisterVar(void**, char*, char*, const char*, int, std::size_t, int, int) {}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared_bytes,
                                     cudaStream_t stream) {
  configurations().push_back({grid, block, shared_bytes, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared_bytes,
                                       void* stream) {
  const configuration c = configurations().back();
  configurations().pop_back();
  *grid = c.grid;
  *block = c.block;
  *shared_bytes = c.shared_bytes;
  *static_cast<cudaStream_t*>(stream) = c.stream;
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* found, const void* function) {
  return call([&](runtime& r) {
    const auto name = kernel_names().find(function);
    if (name == kernel_names().end()) return cudaErrorInvalidDeviceFunction;
    *found = reinterpret_cast<cudaKernel_t>(const_cast<kernel*>(r.kernels.at(name->second)));
    return cudaSuccess;
  });
}
cudaError_t __cudaLaunchKernel(cudaKernel_t launched, dim3 grid, dim3 block, void** arguments,
                               std::size_t shared_bytes, cudaStream_t stream) {
  return call([&](runtime& r) {
    return ask_for_launch(r, *reinterpret_cast<const kernel*>(launched),
                          {grid, block, shared_bytes, stream}, arguments);
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  return call([&](runtime&) {
    *attributes = {};
    attributes->ptxVersion = attributes->binaryVersion = 90;
    attributes->maxThreadsPerBlock = 1024;
    return cudaSuccess;
  });
}

// Devices and errors.

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  return call([&](runtime&) {
    *count = 1;
    return cudaSuccess;
  });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  return call([&](runtime&) {
    *properties = {};
    std::strcpy(properties->name, "LIFT's CUDA emulator");
    return cudaSuccess;
  });
}
cudaError_t cudaGetDevice(int* device) {
  return call([&](runtime&) {
    *device = 0;
    return cudaSuccess;
  });
}
cudaError_t cudaSetDevice(int device) {
  return call([&](runtime&) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }
const char* cudaGetErrorName(cudaError_t status) { return text_of(status).name; }
const char* cudaGetErrorString(cudaError_t status) { return text_of(status).text; }

// Memory.

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  return call([&](runtime& r) { return get_device_memory(r, memory, bytes); });
}
cudaError_t cudaFree(void* memory) {
  return call([&](runtime& r) { return put_memory(r, r.device, memory); });
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  return call([&](runtime& r) { return get_pinned_memory(r, memory, bytes); });
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
  return cudaMallocHost(memory, bytes);
}
cudaError_t cudaFreeHost(void* memory) {
  return call([&](runtime& r) { return put_memory(r, r.pinned, memory); });
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return call([&](runtime& r) {
    *total = runtime::device_bytes;
    *free = *total - r.device.used_bytes();
    return cudaSuccess;
  });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call([&](runtime& r) {
    return ask_for_copy(r, {to, from, bytes, kind}, r.streams.at(stream));
  });
}

// Streams and events.

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (flags != cudaStreamNonBlocking) fail("streams that wait for stream 0 are not emulated");
  return call([&](runtime& r) {
    *stream = r.streams.add();
    return cudaSuccess;
  });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&](runtime& r) {
    r.streams.remove(stream);
    return cudaSuccess;
  });
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call([&](runtime& r) { return synchronise(r, r.streams.at(stream)); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return call([&](runtime& r) {
    *event = r.events.add();
    return cudaSuccess;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call([&](runtime& r) {
    r.events.remove(event);
    return cudaSuccess;
  });
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&](runtime& r) {
    CUstream_st& recorded = r.streams.at(stream);
    if (recorded.capturing()) {
      r.events.at(event) = {nullptr, &recorded, recorded.asked};
      return cudaSuccess;
    }
    const auto now = std::make_shared<point>(&recorded);
    r.events.at(event) = {now};
    return r.streams.ask(recorded, [now] { now->reach(); });
  });
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  return call([&](runtime& r) {
    const auto &first = r.events.at(from).latest, &second = r.events.at(to).latest;
    if (!first || !second || !first->reached || !second->reached) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(second->when - first->when).count();
    return cudaSuccess;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&](runtime& r) {
    if (const auto& latest = r.events.at(event).latest) r.streams.reach(*latest);
    return cudaSuccess;
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return call([&](runtime& r) {
    CUstream_st& waiting = r.streams.at(stream);
    const CUevent_st& awaited = r.events.at(event);
    if (CUstream_st* const from = awaited.captured_in) {
      CUstream_st* const origin = from->capturing();
      if (!origin || (waiting.capturing() && waiting.capturing() != origin)) return cudaErrorStreamCaptureIsolation;
      if (!waiting.capturing()) {
        waiting.origin = origin;
        waiting.waited_for = waiting.asked;
      }
      from->waited_for = awaited.after;
      return cudaSuccess;
    }
    if (waiting.capturing() && awaited.latest) fail("a stream that is captured waits for work that is not");
    if (awaited.latest) r.streams.ask_to_wait(waiting, awaited.latest);
    return cudaSuccess;
  });
}

// Graphs.

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (mode != cudaStreamCaptureModeRelaxed) fail("only relaxed capture is emulated");
  return call([&](runtime& r) {
    return stream ? begin_capture(r.streams.at(stream)) : cudaErrorStreamCaptureUnsupported;
  });
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call([&](runtime& r) { return end_capture(r, r.streams.at(stream), graph); });
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph,
                                          unsigned long long) {
  return call([&](runtime& r) {
    const recorded_work& work = r.graphs.at(graph).work;
    *executable = r.executables.add({std::make_shared<const recorded_work>(work)});
    return cudaSuccess;
  });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&](runtime& r) {
    CUstream_st& launched = not_captured(r, stream, "a graph's launch");
    return r.streams.ask(launched, [work = r.executables.at(executable).work] {
      for (const auto& part : *work) part();
    });
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call([&](runtime& r) {
    r.graphs.remove(graph);
    return cudaSuccess;
  });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call([&](runtime& r) {
    r.executables.remove(executable);
    return cudaSuccess;
  });
}

}  // extern "C"
