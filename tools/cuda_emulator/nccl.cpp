// SPDX-License-Identifier: MIT
// The part of NCCL that LIFT uses, on the host: ranks are processes of one machine, which add up in shared memory, in
// the order of their numbers, when their streams come to it.

#include <fcntl.h>
#include <nccl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "runtime.hpp"

using emulator::fail;

namespace {

constexpr std::size_t part_bytes = std::size_t{1} << 16;  // that a rank adds at a time

/// What the ranks share; the parts of all ranks follow it.
struct meeting {
  std::atomic<int> here, round;
};

void patiently(const std::atomic<int>& value, int unwanted) {
  using clock = std::chrono::steady_clock;
  const auto begun = clock::now();
  for (int looks = 0; value == unwanted; ++looks) {
    if (looks < 100) {
      sched_yield();
      continue;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (clock::now() - begun > std::chrono::seconds(60)) fail("NCCL: another rank does not come");
  }
}

}  // namespace

struct ncclComm {
  int rank, size;
  meeting* shared;
  std::size_t bytes;  // of it

  void meet() const {
    const int round = shared->round;
    if (++shared->here == size) {
      shared->here = 0;
      ++shared->round;
    } else {
      patiently(shared->round, round);
    }
  }

  std::byte* part_of(int r) const {
    return reinterpret_cast<std::byte*>(shared + 1) + static_cast<std::size_t>(r) * part_bytes;
  }

  template <class T>
  void add_up(const T* from, T* to, std::size_t count) const {
    constexpr std::size_t most = part_bytes / sizeof(T);
    for (std::size_t first = 0; first < count; first += most) {
      const std::size_t n = std::min(most, count - first);
      std::memcpy(part_of(rank), from + first, n * sizeof(T));
      meet();
      for (std::size_t i = 0; i < n; ++i) {
        T sum = 0;
        for (int r = 0; r < size; ++r) sum += reinterpret_cast<const T*>(part_of(r))[i];
        to[first + i] = sum;
      }
      meet();
    }
  }
};

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::random_device random;
  const std::string name = "/lift_emulated_nccl_" + std::to_string(random()) + std::to_string(random());
  *id = {};
  std::memcpy(id->internal, name.c_str(), name.size());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* made, int size, ncclUniqueId id, int rank) {
  if (rank < 0 || rank >= size) return ncclInvalidArgument;
  const std::size_t bytes = sizeof(meeting) + static_cast<std::size_t>(size) * part_bytes;
  const int file = shm_open(id.internal, O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) return ncclSystemError;
  void* const shared = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (shared == MAP_FAILED) return ncclSystemError;
  *made = new ncclComm{rank, size, static_cast<meeting*>(shared), bytes};  // of zeros at first
  (*made)->meet();
  if (rank == 0) shm_unlink(id.internal);
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t ranks) {
  munmap(ranks->shared, ranks->bytes);
  delete ranks;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t ranks) { return ncclCommDestroy(ranks); }

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t ranks, cudaStream_t stream) {
  if (operation != ncclSum || (type != ncclFloat32 && type != ncclFloat64))
    fail("only sums of float and double are emulated");
  const bool single = type == ncclFloat32;
  const std::size_t bytes = count * (single ? sizeof(float) : sizeof(double));
  const auto work = [=, copy = *ranks] {
    emulator::check_device_memory(from, bytes, "ncclAllReduce");
    emulator::check_device_memory(to, bytes, "ncclAllReduce");
    if (single)
      copy.add_up(static_cast<const float*>(from), static_cast<float*>(to), count);
    else
      copy.add_up(static_cast<const double*>(from), static_cast<double*>(to), count);
  };
  return emulator::enqueue_and_finish(stream, work) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

ncclResult_t ncclGroupStart() { return ncclSuccess; }
ncclResult_t ncclGroupEnd() { return ncclSuccess; }

const char* ncclGetErrorString(ncclResult_t status) {
  return status == ncclSuccess ? "no error" : "an error of the emulated NCCL";
}
const char* ncclGetLastError(ncclComm_t) { return ""; }

}  // extern "C"
