#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether CUDA kernels are compiled as they were meant: check_kernels.py PTXAS PROGRAM...

For each kernel that KERNELS names, ptxas tells registers and what is spilled to memory, and its PTX
has the instructions that it is fast by. Programs keep their PTX readable (nvcc --no-compress). Prints
a line for each kernel; exit code 1 where one is missing or is not as meant, 77 without ptxas.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass

WIDE_LOAD, WIDE_STORE = r"ld\.global\.v4\.[bfu]32", r"st\.global\.v4\.[bfu]32"
TENSOR_CORES, SHARED_MATRICES = r"mma\.sync\.aligned\.m16n8k16", r"ldmatrix\.sync"


@dataclass
class Kernel:
    """What is wanted of the kernels whose names a pattern is found in."""

    pattern: str  # of the mangled name
    instructions: tuple
    registers: int
    spilled: int = 0  # bytes of a thread's stack: registers and arrays that are kept in memory


# Of 65,536 registers of a multiprocessor a block of 512 threads leaves 128 for each, one of 128
# threads 255, the most there are.
KERNELS = (
    Kernel(r"normalise_pixels_kernel\w+Lj8E", (WIDE_LOAD, WIDE_STORE), 128),
    Kernel(r"normalise_pixels_tangents_kernel\w+Lj8E", (WIDE_LOAD, WIDE_STORE), 128),
    Kernel(r"normalise_pixels_gradient_kernel\w+Lj8E", (WIDE_LOAD, WIDE_STORE), 128),
    Kernel(r"column_sums_kernel\w+bfloat16ELj8E", (WIDE_LOAD,), 64),
    Kernel(r"finish_pixels\w+bfloat16ELm8E", (WIDE_LOAD, WIDE_STORE), 64),
    Kernel(r"join_pixels\w+bfloat16ELm8E", (WIDE_LOAD, WIDE_STORE), 64),
    Kernel(r"map_packet\w+bfloat16ELm8E\w+3add", (WIDE_LOAD, WIDE_STORE), 64),
    Kernel(r"attention_kernelILj", (TENSOR_CORES, SHARED_MATRICES, WIDE_LOAD), 255),
    Kernel(r"attention_query_gradient_kernelILj", (TENSOR_CORES, SHARED_MATRICES), 255),
    Kernel(r"attention_key_gradient_kernelILj(16|32|64)E", (TENSOR_CORES, SHARED_MATRICES), 255),
    Kernel(r"attention_key_gradient_kernelILj128E", (TENSOR_CORES, SHARED_MATRICES), 255, 16),
    Kernel(r"attention_tangents_kernelILj", (TENSOR_CORES, SHARED_MATRICES), 255),
)

MODULE = re.compile(rb"\.version \d+\.\d+\s+\.target [^\0]*")
ENTRY = re.compile(r"\.entry ([\w$]+)\(")
COMPILED = re.compile(
    r"Compiling entry function '([\w$]+)'.*?(\d+) bytes stack frame.*?Used (\d+) registers", re.DOTALL
)


def bodies(ptx):
    """The text of each kernel of a module, by name."""
    starts = [*ENTRY.finditer(ptx)]
    ends = [match.start() for match in starts[1:]] + [len(ptx)]
    return {match[1]: ptx[match.start() : end] for match, end in zip(starts, ends)}


def resources(ptxas, ptx):
    """(registers, bytes spilled) of each kernel of a module, by name."""
    target = re.search(r"\.target (sm_\w+)", ptx)[1]
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as source:
        source.write(ptx)
        source.flush()
        done = subprocess.run([ptxas, "-v", f"-arch={target}", source.name, "-o", "/dev/null"],
                              capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{ptxas}: {done.stderr.strip()}")
    return {name: (int(registers), int(spilled))
            for name, spilled, registers in COMPILED.findall(done.stderr)}


def problems_of(kernel, body, registers, spilled):
    missing = [text for text in kernel.instructions if not re.search(text, body)]
    problems = [f"no {text}" for text in missing]
    if registers > kernel.registers:
        problems.append(f"{registers} registers, wanted at most {kernel.registers}")
    if spilled > kernel.spilled:
        problems.append(f"{spilled} bytes spilled, wanted at most {kernel.spilled}")
    return problems


def check(ptxas, program):
    """How many kernels are not as meant, and the patterns that were met."""
    modules = [found.decode("ascii", "replace")
               for found in MODULE.findall(pathlib.Path(program).read_bytes())]
    if not modules:
        sys.exit(f"{program}: no PTX that is not compressed (nvcc --no-compress)")
    wrong, met = 0, set()
    for ptx in modules:
        wanted = {name: (kernel, body) for name, body in bodies(ptx).items() for kernel in KERNELS
                  if re.search(kernel.pattern, name)}
        if not wanted:
            continue
        found = resources(ptxas, ptx)
        for name, (kernel, body) in sorted(wanted.items()):
            met.add(kernel.pattern)
            registers, spilled = found[name]
            problems = problems_of(kernel, body, registers, spilled)
            wrong += bool(problems)
            short = name[re.search(kernel.pattern, name).start() :][:80]
            print(f"{registers:4} registers, {spilled:2} bytes spilled: {short}", *problems, sep="; ")
    return wrong, met


def main():
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} PTXAS PROGRAM...")
    ptxas, *programs = sys.argv[1:]
    if not pathlib.Path(ptxas).is_file():
        print(f"{ptxas} is not there")
        sys.exit(77)
    wrong, met = 0, set()
    for program in programs:
        more, patterns = check(ptxas, program)
        wrong += more
        met |= patterns
    for kernel in KERNELS:
        if kernel.pattern not in met:
            wrong += 1
            print(f"no kernel matches {kernel.pattern}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
