// SPDX-License-Identifier: MIT
#pragma once

// What the emulated cuBLAS and cuDNN need of the emulated CUDA runtime.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>

#include <cuda_runtime_api.h>

namespace emulator {

/// Ends the program with one line that says why, and not by abort(), after which Boost.Test goes
/// on.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::fflush(nullptr);
  (std::cerr << "emulator: " << ... << parts) << std::endl;
  std::_Exit(EXIT_FAILURE);
}

/// Asks work of a stream, or records it where the stream is being captured.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);

/// The same, and the work is done before this returns unless it is recorded: for what other programs wait for.
cudaError_t enqueue_and_finish(cudaStream_t stream, std::function<void()> work);

/// Ends the program unless all these bytes are device memory. Only for work while it is done.
void check_device_memory(const void* start, std::size_t bytes, const char* use);

/// Overwrites what a library may use as its work space. Only for work while it is done.
void overwrite_work_space(void* start, std::size_t bytes);

/// Rounded to so many bits of fraction, fewer than 23; to even from halfway. NaN stays.
inline float rounded(float x, int bits) {
  if (std::isnan(x)) return x;
  const auto raw = std::bit_cast<std::uint32_t>(x);
  const int dropped = 23 - bits;
  const std::uint32_t odd = raw >> dropped & 1, half = 1u << (dropped - 1);
  const std::uint32_t kept = ~((1u << dropped) - 1);
  return std::bit_cast<float>((raw + half - 1 + odd) & kept);
}

constexpr int tf32_bits = 10, bfloat16_bits = 7;

}  // namespace emulator
