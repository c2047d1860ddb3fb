#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares LIFT on a CUDA device with PyTorch on the same device, the full-size network.

For each row LIFT's backends (float32, TF32 products, networks in bfloat16) and four forms of PyTorch
are measured: eager with TF32, eager with bfloat16 and channels_last, and that through torch.compile,
as it is and with mode reduce-overhead. Printed are the fastest of each side, their medians over the
turns, the median of PyTorch/LIFT over the turns with its least and largest, and then the others.

PyTorch's forms get ready, which takes torch.compile a minute, several at once (--processes); who
measures has the device alone, by a lock. A row whose peers are not ready when --minutes are over
says so.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
from timing import alone  # noqa: E402

BACKENDS = ("cuda", "cuda-tf32", "cuda-bf16")
ROUNDED = ("--autocast", "--format=channels_last")
PEERS = {"eager": ("--tf32",), "eager_bf16": ROUNDED, "compiled": ("--compile", *ROUNDED),
         "reduce_overhead": ("--compile=reduce-overhead", *ROUNDED)}


@dataclasses.dataclass(frozen=True)
class Row:
    work: str  # LIFT's
    action: str  # the peer's, and its batch
    batch: int
    at_least: float  # wanted peer/LIFT
    peers: tuple = tuple(PEERS)


ROWS = {
    "forward_b1": Row("forward/1", "forward", 1, 2.5),
    "forward_b64": Row("forward/64", "forward", 64, 1.3),
    "forward_b256": Row("forward/256", "forward", 256, 1.3),
    "train_b64": Row("training_step/64", "training_step", 64, 1.5),
    "train_b256": Row("training_step/256", "training_step", 256, 1.3),
    "generate_64x18": Row("generate_18/64", "generate", 64, 1.5),
    # torch.compile does not take torch.func.jvp.
    "heatmap_b32_k4": Row("heatmap_point_4/32", "heatmap_point", 32, 3, ("eager", "eager_bf16")),
}
CEILINGS = ("matrix_product/8192", "copy/500")
PIECES = ("conv3x3_64/64", "group_norm_silu/64", "attention_128/64")
PYTORCH_FACTS = """
import json, torch
print(json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda}))"""


def result_of(command, limit=60):
    """The JSON object that a command prints; {"cannot": why} if it fails."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        if done.returncode == 0:
            return json.loads(next(s for s in done.stdout.splitlines() if s.startswith("{")))
        problem = (done.stderr.strip() or "no message").splitlines()[-1]
    except subprocess.TimeoutExpired:
        problem = f"took more than {limit:.0f} s"
    except (OSError, StopIteration) as error:
        problem = str(error) or "no result"
    return {"cannot": f"{' '.join(command[:3])}: {problem}"}


def lift(options, backend, work):
    with alone(options.lock):
        return result_of([options.binaries / "benchmark_backends", "--json", "--work", work,
                          "--backends", backend, "--seconds", options.seconds], options.left())


def pytorch(options, name, form):
    """Seconds of each turn."""
    row = ROWS[name]
    return result_of([options.python, "-W", "ignore", HERE / "peers/network.py", row.action,
                      options.batch or row.batch, f"--device={options.device}",
                      f"--seconds={options.seconds}", f"--turns={options.turns}",
                      f"--lock={options.lock}", *PEERS[form]], options.left())


def compared(options, name, peers):
    """The row of one work, and medians and rates of LIFT's backends."""
    work = ROWS[name].work
    if options.batch:
        work = f"{work.split('/')[0]}/{options.batch}"
    ours = {b: [lift(options, b, work)] for b in options.backends}
    for _ in range(options.turns - 1):
        for backend, results in ours.items():
            if "cannot" not in results[-1]:
                results.append(lift(options, backend, work))
    theirs = {form: future.result() for form, future in peers.items()}
    forms = {form: result if "cannot" in result else
             {"seconds": statistics.median(result["turns"]), **memory_of(result)}
             for form, result in theirs.items()}
    backends = {b: results[-1] if "cannot" in results[-1] else
                {**{key: statistics.median(r[there] for r in results)
                    for key, there in (("seconds", "seconds"), ("gflops", "rate"))},
                 **memory_of(results[-1])}
                for b, results in ours.items()}
    row = {"name": name, "forms": forms, "backends": backends, "turns": options.turns,
           "at_least": ROWS[name].at_least, "unit": "s"}

    def fastest(of):
        return min((k for k in of if "seconds" in of[k]), key=lambda k: of[k]["seconds"], default=None)

    best, peer = fastest(backends), fastest(forms)
    if best is None or peer is None:
        return {**row, "cannot": next(side["cannot"] for side in (backends if best is None else forms).values())}
    ratios = [t / o["seconds"] for t, o in zip(theirs[peer]["turns"], ours[best])]
    return {**row, "ours": backends[best]["seconds"], "peer": forms[peer]["seconds"], "backend": best,
            "form": peer, "ratio": statistics.median(ratios), "spread": [min(ratios), max(ratios)]}


def memory_of(result):
    """The most bytes that a process took of the device's memory, where it says so."""
    return {"memory": result["memory"]} if "memory" in result else {}


def listed(of, key, scale):
    return ", ".join(f"{name} {scale * side[key]:.4g}" if key in side else f"{name} –"
                     for name, side in of.items())


def print_sides(row, key, unit, scale):
    if any(key in side for of in (row["backends"], row["forms"]) for side in of.values()):
        print(f"    {unit}: LIFT: {listed(row['backends'], key, scale)}; "
              f"PyTorch: {listed(row['forms'], key, scale)}", flush=True)


def print_row(row):
    if "cannot" in row:
        print(f"{row['name']:16} cannot: {row['cannot']}", flush=True)
    else:
        spread = "–".join(f"{end:.3g}" for end in row["spread"])
        below = "  below" if row["ratio"] < row["at_least"] else ""
        print(f"{row['name']:16}{1e3 * row['ours']:10.4g}{1e3 * row['peer']:10.4g}{row['ratio']:8.2f}"
              f"{spread:>14}{row['at_least']:10g}  {row['backend']} beside {row['form']}{below}", flush=True)
    print_sides(row, "seconds", "ms", 1e3)
    print_sides(row, "memory", "peak memory, GB", 1e-9)


def print_rates(name, of, scale):
    print(f"{name:26}" + "".join(f"{side['rate'] * scale:12.1f}" if "rate" in side else f"{'–':>12}"
                                 for side in of.values()))


def parsed():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="write the rows here as JSON")
    parser.add_argument("--only", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--turns", type=int, default=3, help="measurements of each side")
    parser.add_argument("--seconds", type=float, default=1, help="least time of a measurement")
    parser.add_argument("--minutes", type=float, default=60, help="what is not done then is left out")
    parser.add_argument("--processes", type=int, default=6, help="peers that get ready at once")
    parser.add_argument("--python", default="python3", help="an interpreter that has PyTorch")
    parser.add_argument("--binaries", type=pathlib.Path,
                        default=HERE.parent / "build/release/bin", help="LIFT's benchmarks")
    parser.add_argument("--backends", default=",".join(BACKENDS), help="LIFT's")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda",
                        help="the peers'; cpu with --backends xtensor tries the script out")
    parser.add_argument("--batch", type=int, help="of every row, to try the script out")
    options = parser.parse_args()
    options.only = options.only.split(",")
    options.backends = options.backends.split(",")
    unknown = set(options.only) - set(ROWS)
    if unknown:
        sys.exit(f"compare_gpu.py: --only: no {unknown.pop()}; there are {', '.join(ROWS)}")
    end = time.monotonic() + 60 * options.minutes
    options.left = lambda: max(1, end - time.monotonic())
    return options


def device_of(options):
    if options.device == "cpu":
        return "no device"
    done = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm",
                           "--format=csv,noheader"], capture_output=True, text=True)
    return done.stdout.strip()


def run(options):
    versions = result_of([options.python, "-c", PYTORCH_FACTS])
    if "cannot" in versions:
        sys.exit(f"compare_gpu.py: {versions['cannot']}")
    facts = {"device": device_of(options), **versions}
    report = {**facts, "rows": [], "ceilings": {}, "pieces": {}}
    if options.out and options.out.exists():  # other rows of the same device and PyTorch stay
        earlier = json.loads(options.out.read_text(encoding="utf-8"))
        if all(earlier.get(key) == value for key, value in facts.items()):
            report = {**report, **earlier}
    print(f"{facts['device']}; PyTorch {facts['torch']}\n"
          f"{'ms':16}{'LIFT':>10}{'PyTorch':>10}{'ratio':>8}{'spread':>14}{'at least':>10}")
    with concurrent.futures.ThreadPoolExecutor(options.processes) as pool:
        peers = {name: {form: pool.submit(pytorch, options, name, form) for form in ROWS[name].peers}
                 for name in options.only}
        for name in options.only:
            row = compared(options, name, peers[name])
            print_row(row)
            report["rows"] = [r for r in report["rows"] if r["name"] != name] + [row]
            write(options, report)
    for kind, works in (("ceilings", CEILINGS), ("pieces", PIECES)):
        for work in works:
            work = f"{work.split('/')[0]}/{options.batch}" if options.batch else work
            report[kind][work] = {b: lift(options, b, work) for b in options.backends}
            scale = 1 if work.startswith(("copy", "group_norm")) else 1e-3
            print_rates(f"{work}, {'GB/s' if scale == 1 else 'TFLOP/s'}", report[kind][work], scale)
        write(options, report)


def write(options, report):
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    options = parsed()
    with tempfile.TemporaryDirectory() as folder:
        options.lock = pathlib.Path(folder, "device")
        run(options)


if __name__ == "__main__":
    main()
