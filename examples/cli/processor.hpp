// SPDX-License-Identifier: MIT
#pragma once

// The extensions of x86-64 that compilers use without being asked, what the engine was compiled
// for, and how a processor says that it has them. Constants alone, so that compiled_for.cpp, which
// the engine's own options compile, holds no instruction, and processor_check.cpp runs anywhere.

// Each: the compiler's macro, the name, where CPUID says so (leaf, subleaf, register as an index of
// eax ebx ecx edx, bit), and the registers that the system must keep (a mask of XCR0).
// clang-format off
#define LIFT_X86_EXTENSIONS(x)                                      \
  x(__SSE3__, "sse3", 1, 0, 2, 0, 0)                                \
  x(__SSSE3__, "ssse3", 1, 0, 2, 9, 0)                              \
  x(__SSE4_1__, "sse4.1", 1, 0, 2, 19, 0)                           \
  x(__SSE4_2__, "sse4.2", 1, 0, 2, 20, 0)                           \
  x(__POPCNT__, "popcnt", 1, 0, 2, 23, 0)                           \
  x(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16, "cx16", 1, 0, 2, 13, 0)    \
  x(__LAHF_SAHF__, "lahf", 0x80000001, 0, 2, 0, 0)                  \
  x(__AVX__, "avx", 1, 0, 2, 28, 0x06)                              \
  x(__AVX2__, "avx2", 7, 0, 1, 5, 0x06)                             \
  x(__FMA__, "fma", 1, 0, 2, 12, 0x06)                              \
  x(__F16C__, "f16c", 1, 0, 2, 29, 0x06)                            \
  x(__BMI__, "bmi", 7, 0, 1, 3, 0)                                  \
  x(__BMI2__, "bmi2", 7, 0, 1, 8, 0)                                \
  x(__LZCNT__, "lzcnt", 0x80000001, 0, 2, 5, 0)                     \
  x(__MOVBE__, "movbe", 1, 0, 2, 22, 0)                             \
  x(__AVX512F__, "avx512f", 7, 0, 1, 16, 0xe6)                      \
  x(__AVX512DQ__, "avx512dq", 7, 0, 1, 17, 0xe6)                    \
  x(__AVX512CD__, "avx512cd", 7, 0, 1, 28, 0xe6)                    \
  x(__AVX512BW__, "avx512bw", 7, 0, 1, 30, 0xe6)                    \
  x(__AVX512VL__, "avx512vl", 7, 0, 1, 31, 0xe6)                    \
  x(__AVX512IFMA__, "avx512ifma", 7, 0, 1, 21, 0xe6)                \
  x(__AVX512VBMI__, "avx512vbmi", 7, 0, 2, 1, 0xe6)                 \
  x(__AVX512VBMI2__, "avx512vbmi2", 7, 0, 2, 6, 0xe6)               \
  x(__AVX512VNNI__, "avx512vnni", 7, 0, 2, 11, 0xe6)                \
  x(__AVX512BITALG__, "avx512bitalg", 7, 0, 2, 12, 0xe6)            \
  x(__AVX512VPOPCNTDQ__, "avx512vpopcntdq", 7, 0, 2, 14, 0xe6)      \
  x(__AVX512FP16__, "avx512fp16", 7, 0, 3, 23, 0xe6)                \
  x(__AVX512BF16__, "avx512bf16", 7, 1, 0, 5, 0xe6)                 \
  x(__AVXVNNI__, "avxvnni", 7, 1, 0, 4, 0x06)                       \
  x(__GFNI__, "gfni", 7, 0, 2, 8, 0)                                \
  x(__SSE4A__, "sse4a", 0x80000001, 0, 2, 6, 0)                     \
  x(__XOP__, "xop", 0x80000001, 0, 2, 11, 0x06)                     \
  x(__FMA4__, "fma4", 0x80000001, 0, 2, 16, 0x06)                   \
  x(__TBM__, "tbm", 0x80000001, 0, 2, 21, 0)
// clang-format on

namespace lift::cli {

/// For each of LIFT_X86_EXTENSIONS, whether the engine was compiled for it.
extern const bool compiled_for_extension[];

}  // namespace lift::cli
