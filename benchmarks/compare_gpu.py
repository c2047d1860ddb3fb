#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares LIFT on a CUDA device with PyTorch on the same device, the full-size network.

For each row LIFT's backends (float32, TF32 products, networks in bfloat16) and two forms of PyTorch (eager,
float32 with PyTorch's own choice of TF32, and torch.compile with bfloat16 and channels_last) run in
turns. Printed are LIFT's fastest backend, the medians, and the median of PyTorch/LIFT over the turns
with its least and largest; then what each backend makes of the device: its rate for one large matrix
product and for a copy, beside the rates of the rows.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BACKENDS = ("cuda", "cuda-tf32", "cuda-bf16")
PEERS = {"eager": [], "compiled": ["--compile", "--autocast", "--format=channels_last"]}
AT_LEAST = {"eager": 3.0, "compiled": 1.3}
# name: LIFT's work, and the peer's action and batch
ROWS = {
    "forward_b1": ("forward/1", ("forward", 1)),
    "forward_b64": ("forward/64", ("forward", 64)),
    "train_b64": ("training_step/64", ("training_step", 64)),
    "generate_64x18": ("generate_18/64", ("generate", 64)),
    "heatmap_b32_k4": ("heatmap_point_4/32", ("heatmap_point", 32)),
}
PYTORCH_FACTS = """
import json, torch
print(json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda,
                  "tf32": {"cudnn": torch.backends.cudnn.allow_tf32,
                           "matmul": torch.backends.cuda.matmul.allow_tf32}}))"""
CEILINGS = ("matrix_product/8192", "copy/500")


def result_of(command, limit=60):
    """The JSON object that a command prints; {"cannot": why} if it fails."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        if done.returncode == 0:
            return json.loads(next(s for s in done.stdout.splitlines() if s.startswith("{")))
        problem = (done.stderr.strip() or "no message").splitlines()[-1]
    except subprocess.TimeoutExpired:
        problem = f"took more than {limit:g} s"
    except (OSError, StopIteration) as error:
        problem = str(error) or "no result"
    return {"cannot": f"{' '.join(command[:3])}: {problem}"}


def lift(options, backend, work):
    return result_of([options.binaries / "benchmark_backends", "--json", "--work", work,
                      "--backends", backend, "--seconds", options.seconds], options.limit)


def pytorch(options, form, action, batch):
    return result_of([options.python, "-W", "ignore", HERE / "peers/network.py", action, batch,
                      "--device=cuda", f"--seconds={options.seconds}", *PEERS[form]],
                     options.limit)


def compare(options, name):
    """The rows of one work, and seconds and rate of LIFT's backends."""
    work, peer = ROWS[name]
    sides = {**{b: lambda b=b: lift(options, b, work) for b in BACKENDS},
             **{f: lambda f=f: pytorch(options, f, *peer) for f in PEERS}}
    results, problems = {side: [] for side in sides}, {}
    for _ in range(options.turns):
        for side, measure in sides.items():
            if side not in problems:
                results[side].append(measure())
                if "cannot" in results[side][-1]:
                    problems[side] = results[side][-1]["cannot"]
    median = lambda side, key: statistics.median(r[key] for r in results[side])
    backends = {b: {"cannot": problems[b]} if b in problems else
                {"seconds": median(b, "seconds"), "gflops": median(b, "rate")} for b in BACKENDS}
    able = [b for b in BACKENDS if b not in problems]
    best = min(able, key=lambda b: backends[b]["seconds"]) if able else BACKENDS[0]
    rows = []
    for form in PEERS:
        problem = problems.get(form) or problems.get(best)
        if problem:
            rows.append({"name": f"{name}_{form}", "cannot": problem})
            continue
        ratios = [theirs["seconds"] / ours["seconds"]
                  for theirs, ours in zip(results[form], results[best])]
        rows.append({"name": f"{name}_{form}", "ours": backends[best]["seconds"],
                     "peer": median(form, "seconds"),
                     "ratio": statistics.median(ratios), "unit": "s",
                     "spread": [min(ratios), max(ratios)], "at_least": AT_LEAST[form],
                     "backend": best})
    return rows, backends


def print_row(row):
    if "cannot" in row:
        print(f"{row['name']:26} cannot: {row['cannot']}", flush=True)
        return
    spread = "–".join(f"{end:.3g}" for end in row["spread"])
    below = "  below" if row["ratio"] < row["at_least"] else ""
    print(f"{row['name']:26}{row['ours']:10.4g}{row['peer']:10.4g}{row['ratio']:8.2f}{spread:>14}"
          f"{row['at_least']:10g}  {row['backend']}{below}", flush=True)


def print_rates(name, of, key, scale):
    print(f"{name:26}" + "".join(f"{of[b][key] * scale:12.1f}" if key in of[b] else f"{'–':>12}"
                                 for b in BACKENDS))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="write the rows here as JSON")
    parser.add_argument("--only", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--turns", type=int, default=3, help="measurements of each side")
    parser.add_argument("--seconds", type=float, default=2, help="least time of a measurement")
    parser.add_argument("--limit", type=float, default=240, help="most seconds of one process")
    parser.add_argument("--python", default="python3", help="an interpreter that has PyTorch")
    parser.add_argument("--binaries", type=pathlib.Path,
                        default=HERE.parent / "build/release/bin", help="LIFT's benchmarks")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(ROWS)
    if unknown:
        sys.exit(f"compare_gpu.py: --only: no {unknown.pop()}; there are {', '.join(ROWS)}")

    versions = result_of([options.python, "-c", PYTORCH_FACTS])
    if "cannot" in versions:
        sys.exit(f"compare_gpu.py: {versions['cannot']}")
    device = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm",
                             "--format=csv,noheader"], capture_output=True, text=True)
    facts = {"device": device.stdout.strip(), **versions}
    report = {**facts, "rows": [], "ceilings": {}, "achieved": {}}
    if options.out and options.out.exists():  # other rows of the same device and PyTorch stay
        earlier = json.loads(options.out.read_text())
        if all(earlier.get(key) == value for key, value in facts.items()):
            report = earlier
    print(f"{facts['device']}; PyTorch {facts['torch']}\n"
          f"{'s':26}{'LIFT':>10}{'PyTorch':>10}{'ratio':>8}{'spread':>14}{'at least':>10}  by")
    for work in CEILINGS:
        report["ceilings"][work] = {b: lift(options, b, work) for b in BACKENDS}
    for name in options.only.split(","):
        rows, report["achieved"][name] = compare(options, name)
        for row in rows:
            row["turns"] = options.turns
            print_row(row)
        names = {row["name"] for row in rows}
        report["rows"] = [row for row in report["rows"] if row["name"] not in names] + rows
        if options.out:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    print(f"\n{'TFLOP/s':26}" + "".join(f"{b:>12}" for b in BACKENDS))
    print_rates("matrix product, 8192²", report["ceilings"]["matrix_product/8192"], "rate", 1e-3)
    for name, of in report["achieved"].items():
        print_rates(name, of, "gflops", 1e-3)
    print_rates("a copy, GB/s", report["ceilings"]["copy/500"], "rate", 1)


if __name__ == "__main__":
    main()
