#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the time of one piece of work on a CUDA device goes: kernel_times.py [options] WORK...

Runs `benchmark_backends --work WORK` (as forward/64) under Nsight Compute, which times every kernel,
and prints the kernels by their share of the time, those that differ only in sizes together. The first
kernels, in which a network is made, are left out (--skip); --count of them are timed.
"""
import argparse
import collections
import csv
import io
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
METRIC = "gpu__time_duration.sum"
MICROSECONDS = {"ns": 1e-3, "nsecond": 1e-3, "us": 1, "usecond": 1, "ms": 1e3, "msecond": 1e3, "s": 1e6,
                "second": 1e6}


def short(name):
    """A kernel's name without what it is called with; of a loop over elements, its functor's."""
    inner = re.search(r"lift::kernel::(\w+)", name)
    if "for_each" in name and inner:
        return f"for_each {inner[1]}"
    plain = re.sub(r"^void ", "", name)
    return re.split(r"[(<]", plain)[0].split("::")[-1] or name


def times(text):
    """(kernel, microseconds) of each row of Nsight Compute's CSV, which other lines may precede."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if start is None:
        raise ValueError("no table in what the profiler printed")
    found = []
    for row in csv.DictReader(io.StringIO("\n".join(lines[start:]))):
        if row.get("Metric Name") == METRIC:
            value = float(row["Metric Value"].replace(",", ""))
            found.append((short(row["Kernel Name"]), value * MICROSECONDS[row["Metric Unit"]]))
    if not found:
        raise ValueError(f"no row of {METRIC} in what the profiler printed")
    return found


def print_table(found):
    total, count = collections.Counter(), collections.Counter()
    for name, microseconds in found:
        total[name] += microseconds
        count[name] += 1
    whole = sum(total.values())
    print(f"{'kernel':48}{'launches':>9}{'ms':>9}{'share':>8}")
    for name, microseconds in total.most_common():
        print(f"{name[:47]:48}{count[name]:9}{microseconds / 1e3:9.3f}{microseconds / whole:8.1%}")
    print(f"{'all':48}{len(found):9}{whole / 1e3:9.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="+", metavar="WORK")
    parser.add_argument("--backend", default="cuda-bf16")
    parser.add_argument("--binaries", type=pathlib.Path, default=HERE.parent / "build/release/bin")
    parser.add_argument("--skip", type=int, default=2000, help="kernels before those that are timed")
    parser.add_argument("--count", type=int, default=1500, help="kernels that are timed")
    parser.add_argument("--limit", type=float, default=120, help="most seconds of one work")
    options = parser.parse_args()
    profiler = shutil.which("ncu")
    if not profiler:
        sys.exit("kernel_times.py: ncu (Nsight Compute) is not installed")
    for work in options.work:
        command = [profiler, "--metrics", METRIC, "--csv", "--launch-skip", str(options.skip),
                   "--launch-count", str(options.count), options.binaries / "benchmark_backends",
                   "--backends", options.backend, "--work", work, "--seconds", "0.001", "--json"]
        print(f"{work} on {options.backend}")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=options.limit)
            print_table(times(done.stdout))
        except (subprocess.TimeoutExpired, ValueError) as error:
            sys.exit(f"kernel_times.py: {work}: {error}")


if __name__ == "__main__":
    main()
