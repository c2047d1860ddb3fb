#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the umbrellas of include/lift anew from the headers that are there, in folder order."""
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tests/structure"))
sys.dont_write_bytecode = True
from check_headers import BACKENDS, UMBRELLAS, listed_by_an_umbrella  # noqa: E402

ABOUT = {
    "lift.hpp": "// All of LIFT but files and figures, in the order of the data flow.",
    "io.hpp": "// Files, figures and whole jobs: what needs image codecs, archives, glyphs and JSON.",
    "interop.hpp": "// Tensors of the CPU backend as expressions and matrices of other libraries.",
    "exact.hpp": "// What is known in closed form of Gaussian images, for every path and solver: needs Eigen.",
    "thrust.hpp": "// The backends on Thrust's host systems: what needs Thrust and OpenMP.",
    "cuda.hpp": "// The CUDA backend, for nvcc.",
    "nccl.hpp": "// Ranks that each have a CUDA device: what needs NCCL, for nvcc.",
    "mpi.hpp": "// Ranks of an MPI job: what needs MPI.",
}
for umbrella, folders in UMBRELLAS.items():
    lines = ["// SPDX-License-Identifier: MIT", "#pragma once", "", ABOUT[umbrella]]
    for folder in folders:
        headers = sorted(f"lift/{folder}/{h.name}" for h in (root / "include/lift" / folder).glob("*.hpp"))
        headers = [h for h in headers if listed_by_an_umbrella(h)]
        # The CPU backend stands with what all backends are.
        apart = [] if folder in BACKENDS and len(lines) > 4 else [""]
        if headers:
            lines += apart + [f"#include <{h}>" for h in headers]
    (root / "include/lift" / umbrella).write_text("\n".join(lines) + "\n")
