// SPDX-License-Identifier: MIT
#pragma once

// What the kernels that ptx_to_cpp.py translates and the runtime library (runtime.cpp) share.

#include <cstddef>
#include <cstdint>

namespace emulator {

struct launch {
  std::uint32_t grid[3], block[3];
  std::uint32_t dynamic_shared_bytes;
  const std::byte* parameters;
};

struct kernel {
  const char* name;
  std::uint32_t parameter_count;
  const std::uint32_t *parameter_offset, *parameter_size;
  std::uint32_t parameter_bytes, shared_bytes;
  void (*run)(const launch&);
};

}  // namespace emulator

// Defined by the translated kernels.
extern "C" const emulator::kernel emulator_kernels[];
extern "C" const std::uint32_t emulator_kernel_count;

/// Ends the program unless the bytes are device memory; defined by the runtime library.
extern "C" void emulator_check_address(std::uint64_t address, std::uint32_t bytes);
