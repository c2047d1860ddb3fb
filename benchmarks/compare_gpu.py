#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares LIFT on a CUDA device with PyTorch on the same device, the full-size network.

For each row LIFT's backends (float32, TF32 and bfloat16 products) and two forms of PyTorch (eager
in float32, and torch.compile with bfloat16 and channels_last) run in turns. Printed are LIFT's
fastest backend, the medians, and the median of PyTorch/LIFT over the turns with its least and
largest; then what each backend makes of the device: its rate for one large matrix product and for
a copy, beside the rates of the rows.
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
CEILINGS = ("matrix_product/8192", "copy/500")


def output_lines(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise RuntimeError(f"{' '.join(map(str, command[:3]))}: {last}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def lift(options, work):
    """Seconds and rate of each backend."""
    found = output_lines([options.binaries / "benchmark_backends", "--json", "--work", work,
                          "--backends", ",".join(BACKENDS), "--seconds", options.seconds])
    return {entry["backend"]: entry for entry in found}


def pytorch(options, form, action, batch):
    (result,) = output_lines([options.python, "-W", "ignore", HERE / "peers/network.py", action,
                              batch, "--device=cuda", f"--seconds={options.seconds}",
                              *PEERS[form]])
    if "cannot" in result:
        raise RuntimeError(result["cannot"])
    return result["seconds"]


def compare(options, name):
    work, peer = ROWS[name]
    turns, problems = [], {}
    for _ in range(options.turns):
        turn = {"lift": lift(options, work)}
        for form in PEERS:
            if form not in problems:
                try:
                    turn[form] = pytorch(options, form, *peer)
                except RuntimeError as problem:
                    problems[form] = str(problem)
        turns.append(turn)
    backends = {b: {"seconds": statistics.median(t["lift"][b]["seconds"] for t in turns),
                    "gflops": statistics.median(t["lift"][b]["rate"] for t in turns)}
                for b in BACKENDS}
    best = min(backends, key=lambda b: backends[b]["seconds"])
    rows = []
    for form in PEERS:
        if form in problems:
            rows.append({"name": f"{name}_{form}", "cannot": problems[form]})
            continue
        ratios = [t[form] / t["lift"][best]["seconds"] for t in turns]
        rows.append({"name": f"{name}_{form}", "ours": backends[best]["seconds"],
                     "peer": statistics.median(t[form] for t in turns),
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


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="write the rows here as JSON")
    parser.add_argument("--only", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--turns", type=int, default=3, help="measurements of each side")
    parser.add_argument("--seconds", type=float, default=2, help="least time of a measurement")
    parser.add_argument("--python", default="python3", help="an interpreter that has PyTorch")
    parser.add_argument("--binaries", type=pathlib.Path,
                        default=HERE.parent / "build/release/bin", help="LIFT's benchmarks")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(ROWS)
    if unknown:
        sys.exit(f"compare_gpu.py: --only: no {unknown.pop()}; there are {', '.join(ROWS)}")

    device = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm",
                             "--format=csv,noheader"], capture_output=True, text=True)
    (versions,) = output_lines([options.python, "-c", "import json, torch; print(json.dumps("
                                "{'torch': torch.__version__, 'cuda': torch.version.cuda}))"])
    report = {"device": device.stdout.strip(), **versions, "turns": options.turns, "rows": [],
              "ceilings": {}, "achieved": {}}
    print(f"{report['device']}; PyTorch {versions['torch']}\n"
          f"{'s':26}{'LIFT':>10}{'PyTorch':>10}{'ratio':>8}{'spread':>14}{'at least':>10}  by")
    for work in CEILINGS:
        report["ceilings"][work] = {b: {key: entry[key] for key in ("rate", "unit")}
                                    for b, entry in lift(options, work).items()}
    for name in ROWS:
        if name not in options.only.split(","):
            continue
        rows, backends = compare(options, name)
        for row in rows:
            print_row(row)
        report["rows"] += rows
        report["achieved"][name] = backends
        if options.out:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    print(f"\n{'TFLOP/s':26}" + "".join(f"{b:>12}" for b in BACKENDS))
    rates = {"matrix product, 8192²": report["ceilings"]["matrix_product/8192"],
             **{name: {b: {"rate": of[b]["gflops"]} for b in of}
                for name, of in report["achieved"].items()}}
    for name, of in rates.items():
        print(f"{name:26}" + "".join(f"{of[b]['rate'] / 1e3:12.1f}" for b in BACKENDS))
    print(f"{'a copy, GB/s':26}" + "".join(f"{report['ceilings']['copy/500'][b]['rate']:12.0f}"
                                           for b in BACKENDS))


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as problem:
        sys.exit(f"compare_gpu.py: {problem}")
