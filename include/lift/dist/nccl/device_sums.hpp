// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct CUstream_st;  // cudaStream_t is a pointer to one

namespace lift {

/// One rank's part in sums between devices.
class device_sums {
 public:
  /// Numbers on the device, float or double.
  struct numbers {
    void* data;
    std::size_t count;
    bool single;  ///< float
  };

  virtual ~device_sums() = default;
  /// Asks for sums over all ranks, in place, after what was asked of `stream`, and beside what is
  /// asked of it from now on; also where the stream is captured.
  virtual void begin(std::span<const numbers> all, CUstream_st* stream) = 0;
  /// What is asked of `stream` from now on comes after the sums.
  virtual void finish(CUstream_st* stream) = 0;
};

/// What makes them: NCCL (nccl_sums.hpp), perhaps of a library that a program opens.
struct device_sums_library {
  /// What rank 0 gives all ranks for `join`.
  std::string (*new_id)();
  /// By all ranks together, each with the device that is current.
  std::unique_ptr<device_sums> (*join)(const std::string& id, std::size_t rank, std::size_t size);
};

}  // namespace lift
