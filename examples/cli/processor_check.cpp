// SPDX-License-Identifier: MIT
// Compiled for every x86-64 processor, whatever the rest of the engine is for, and so without
// LIFT's headers: a function that other files compile too may be theirs once it is linked.

#include "processor.hpp"

#ifdef __x86_64__

#include <cstdio>

#include <cpuid.h>
#include <unistd.h>

namespace {

using namespace lift::cli;

struct extension {
  const char* name;
  unsigned leaf, subleaf, index, bit, state;
};

#define LIFT_EXTENSION(macro, ...) {__VA_ARGS__},
constexpr extension extensions[] = {LIFT_X86_EXTENSIONS(LIFT_EXTENSION)};

/// The registers that the system keeps for each process.
unsigned kept_registers() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE)) return 0;
  asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
  return eax;
}

bool has(const extension& e, unsigned kept) {
  unsigned registers[4] = {};
  return __get_cpuid_count(e.leaf, e.subleaf, &registers[0], &registers[1], &registers[2],
                           &registers[3]) &&
         (registers[e.index] >> e.bit & 1) && (kept & e.state) == e.state;
}

/// Ends the program with one line if the processor lacks what the engine was compiled for, and so
/// what the program was; runs before the other initialisers of both, which may need it.
[[gnu::constructor(101)]] void require_processor() {
  const unsigned kept = kept_registers();
  char lacking[128];
  int length = 0, lacks = 0;
  const bool* wanted = compiled_for_extension;
  for (const extension& e : extensions)
    if (*wanted++ && !has(e, kept) && ++lacks <= 4)
      length += std::sprintf(lacking + length, "%s%s", lacks > 1 ? ", " : "", e.name);
  if (lacks == 0) return;
  ::dprintf(STDERR_FILENO,
            "lift: compiled for processors that have %s%s, which this one lacks; one that was "
            "configured with -DLIFT_NATIVE=OFF would run here\n",
            lacking, lacks > 4 ? ", ..." : "");
  ::_exit(1);
}

}  // namespace

#endif
