#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares LIFT's network with PyTorch's on this machine.

Runs build/release/bin/benchmark_network and pytorch/lift_unet.py in turns, so that both meet the
same load, and prints the median time of each, the median ratio over the turns and its spread.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CASES = (("forward", 1), ("forward", 8), ("training_step", 8))


def output_of(command):
    run = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"compare.py: {' '.join(map(str, command))} failed:\n{run.stderr.strip()}")
    return json.loads(run.stdout)


def require_torch(python):
    run = subprocess.run([python, "-c", "import numpy, torch"], capture_output=True, check=False)
    if run.returncode:
        sys.exit(f"compare.py: {python} has no PyTorch. Install Debian's with\n"
                 "  sudo apt-get install python3-torch\n"
                 "and use --python /usr/bin/python3, or a newer one with\n"
                 "  python3 -m venv torch && torch/bin/pip install torch numpy\n"
                 "and use --python torch/bin/python")


def measure_ours(binary, case, batch, seconds):
    report = output_of([binary, f"--benchmark_filter=^{case}/batch:{batch}/",
                        f"--benchmark_min_time={seconds}", "--benchmark_format=json"])
    if not report["benchmarks"]:
        sys.exit(f"compare.py: {binary} has no benchmark {case}/batch:{batch}")
    times = report["benchmarks"][0]
    return {"wall": times["real_time"] / 1e3, "processor": times["cpu_time"] / 1e3}


def processor_name():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="write the rows here as JSON")
    parser.add_argument("--python", default="/usr/bin/python3", help="an interpreter with PyTorch")
    parser.add_argument("--binary", type=pathlib.Path,
                        default=HERE.parent / "build/release/bin/benchmark_network")
    parser.add_argument("--repeats", type=int, default=3, help="turns for each case")
    parser.add_argument("--seconds", type=float, default=1, help="least time of one turn")
    options = parser.parse_args()
    if not options.binary.exists():
        sys.exit(f"compare.py: {options.binary} is missing. Build it with\n"
                 "  cmake --preset release -DLIFT_BUILD_BENCHMARKS=ON\n"
                 "  cmake --build --preset release --target benchmark_network")
    require_torch(options.python)
    torch = [options.python, HERE / "pytorch/lift_unet.py"]
    check = output_of([*torch, "check"])
    cores = len(os.sched_getaffinity(0))
    print(f"{processor_name()}, {cores} cores; PyTorch {check['torch']}, "
          f"its outputs within {check['relative_l2']:.1e} of the golden ones\n")

    rows = []
    print(f"{'':24}{'LIFT':>10}{'PyTorch':>10}{'PyTorch/LIFT':>14}{'spread':>14}")
    for case, batch in CASES:
        turns = [(measure_ours(options.binary, case, batch, options.seconds),
                  output_of([*torch, case, batch, "--seconds", options.seconds]))
                 for _ in range(options.repeats)]
        for clock in ("wall", "processor"):
            ratios = sorted(peer[clock] / ours[clock] for ours, peer in turns)
            row = {"name": f"{case}/{batch}/{clock}",
                   "ours": statistics.median(ours[clock] for ours, _ in turns),
                   "peer": statistics.median(peer[clock] for _, peer in turns),
                   "ratio": statistics.median(ratios), "spread": [ratios[0], ratios[-1]],
                   "unit": "s"}
            rows.append(row)
            print(f"{row['name']:24}{row['ours']:10.3f}{row['peer']:10.3f}{row['ratio']:14.2f}"
                  f"{ratios[0]:7.2f}–{ratios[-1]:.2f}", flush=True)
    if options.out:
        report = {"cpu": processor_name(), "cores": cores, "peer": f"PyTorch {check['torch']}",
                  "repeats": options.repeats, "rows": rows}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
