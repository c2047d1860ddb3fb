#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares LIFT with the same work in PyTorch, Python and Pillow on this machine.

For each row the peer is the best of the --python interpreters and of the forms its script has; a
trial run finds it. Then LIFT and the peer run in turns, and printed are the medians, the median of
peer/LIFT over the turns, and its least and largest.

Other programs slow threads that wait for each other more than those that do not, and a virtual
machine's host moves its processors between cores that share a cache, cores that do not, and the two
threads of one core. So a measurement during which others were busy, or (if it is short) after which
the processors are elsewhere than they mostly were at the start, is repeated, and a row that could
not be measured in quiet is marked.

The accuracy is how far the full-size network's results are from tests/golden. The roofline shows
what each kind of layer makes of the machine's rate for products.
"""
import argparse
import dataclasses
import functools
import json
import math
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 1  # least time of one measurement
QUIET = 0.1  # how many processors others may keep busy during a measurement
ATTEMPTS = 5  # at a quiet measurement
LONG = 20  # seconds in which processors move anyway: not a reason to repeat such a measurement
ELSEWHERE = 1.5  # times longer or shorter than usual: a round trip between processors elsewhere
# Each library chooses its own kernels and takes all cores, whatever the shell says.
CHOICES = ("OPENBLAS_", "GOTO_", "OMP_", "GOMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(CHOICES)}
NETWORK_FORMS = ("--format=contiguous_format", "--format=channels_last", "--format=channels_last --compile")
BFLOAT16_FORMS = tuple(f"--autocast {form}" for form in NETWORK_FORMS[1:])
FEATURE_FORMS = tuple(f"--form={name}" for name in ("contiguous_format", "channels_last", "frozen", "compiled"))


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    at_least: float  # wanted peer/LIFT
    program: str  # of LIFT
    benchmark: str  # in it, up to the name's end or a slash
    script: tuple  # of the peer, with its arguments
    module: str  # what the script imports
    forms: tuple = ("",)  # further arguments of which the best is taken
    trial: tuple = ()  # a shorter script to find the best
    unit: str = "s"  # MiB: peak resident memory
    warm_up: bool = True  # LIFT's side runs once before it is timed
    needs_data: bool = False

    @property
    def timed(self):
        return self.unit == "s"


def network_row(name, at_least, benchmark, action, batch=8, **more):
    return Row(name, at_least, "benchmark_network", benchmark, ("network.py", action, batch),
               "torch", NETWORK_FORMS, **more)


def bfloat16_row(name, at_least, benchmark, action, batch=8, **more):
    """Networks in bfloat16 on both sides."""
    return Row(f"bf16_{name}", at_least, "benchmark_network", f"bf16_{benchmark}", ("network.py", action, batch),
               "torch", BFLOAT16_FORMS, **more)


def features_row(name, at_least):
    return Row(name, at_least, "benchmark_features", f"{name}/batch:8", ("features.py", name, 8), "torch", FEATURE_FORMS)


ROWS = (
    network_row("forward_b1", 2, "forward/batch:1", "forward", batch=1),
    network_row("forward_b8", 2, "forward/batch:8", "forward"),
    network_row("train_b8", 1.6, "training_step/batch:8", "training_step"),
    network_row("generate_8x18", 2, "generate/batch:8/steps:18", "generate",
                trial=("network.py", "forward", 8), warm_up=False),
    network_row("heatmap_point", 3, "heatmap_point/batch:8/probes:4", "heatmap_point",
                warm_up=False),
    bfloat16_row("forward_b1", 1.5, "forward/batch:1", "forward", batch=1),
    bfloat16_row("forward_b8", 1.4, "forward/batch:8", "forward"),
    bfloat16_row("train_b8", 1.8, "training_step/batch:8", "training_step"),
    bfloat16_row("generate_8x18", 1.4, "generate/batch:8/steps:18", "generate",
                 trial=("network.py", "forward", 8), warm_up=False),
    bfloat16_row("heatmap_point", 3, "heatmap_point/batch:8/probes:4", "heatmap_point", warm_up=False),
    bfloat16_row("train_memory", 1.5, "training_steps/batch:8", "training_steps", unit="MiB", warm_up=False),
    Row("paths", 100, "benchmark_path", "searches", ("paths.py", "time"), "numpy"),
    features_row("vgg16", 1.5),
    features_row("inception", 1.5),
    network_row("train_memory", 1, "training_steps/batch:8", "training_steps", unit="MiB",
                warm_up=False),
    Row("loader", 2, "benchmark_loader", "loader", ("loader.py",), "PIL", needs_data=True),
)

# Scripts that check themselves before their rows count.
CHECKED = ("network.py", "features.py", "paths.py")

INSTALL = {"torch": ("PyTorch", "torch"), "numpy": ("NumPy", "numpy"), "PIL": ("Pillow", "pil")}

VERSIONS = """
import importlib, json, platform
found = {"python": platform.python_version()}
for name in ("torch", "numpy", "PIL"):
    try:
        found[name] = importlib.import_module(name).__version__
    except ImportError:
        pass
print(json.dumps(found))
"""


class Cannot(Exception):
    """Why a row, or a candidate for its peer, is passed over."""


def busy_seconds():
    """What the machine's processors have worked until now, all together."""
    counters = pathlib.Path("/proc/stat").read_text().split()[1:9]
    user, nice, system, _idle, _waiting, *others = map(int, counters)
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Output:
    values: dict  # the JSON that a command printed
    memory: float  # peak resident, in MiB
    seconds: float  # that it took
    others: float  # processors that other programs kept busy meanwhile
    moved: bool = False  # whether the processors were elsewhere afterwards

    @property
    def disturbed(self):
        return self.moved or self.others > QUIET


def run(command):
    """Raises Cannot if the command fails."""
    command = [str(part) for part in command if part != ""]
    with tempfile.TemporaryFile("w+") as errors:
        begin, busy = time.monotonic(), busy_seconds()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True,
                                   env=ENVIRONMENT)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        others = (busy_seconds() - busy - usage.ru_utime - usage.ru_stime) / seconds
        if process.returncode or not output:
            errors.seek(0)
            reason = errors.read().strip().splitlines() or ["no output"]
            words = " ".join(pathlib.Path(part).name for part in command)  # no paths of a machine
            raise Cannot(f"{words} failed: {reason[-1]}")
    return Output(json.loads(output), usage.ru_maxrss / 1024, seconds, others)


@dataclasses.dataclass
class Measurement:
    value: float  # in the unit of the row
    check: float  # the same number on both sides, where there is one
    others: float = 0  # see Output
    moved: bool = False  # see Output


class Bench:
    def __init__(self, options):
        self.binaries, self.data, self.turns = options.binaries, options.data, options.turns
        self.versions = {python: run([python, "-c", VERSIONS]).values for python in options.python}
        self.usual_round_trip = None  # in ns, where there is more than one processor
        if len(os.sched_getaffinity(0)) > 1:
            trips = []
            for _ in range(20):  # as many seconds as it takes the host to move processors
                trips.append(self.round_trip())
                time.sleep(0.3)
            self.usual_round_trip = statistics.median(trips)

    def round_trip(self):
        """What a message from one processor to another and back takes, in ns."""
        return run([self.binary("benchmark_round_trip"), "--benchmark_format=json",
                    "--benchmark_min_time=0.01"]).values["benchmarks"][0]["real_time"]

    def processors_moved(self):
        if not self.usual_round_trip:
            return False
        now = self.round_trip()
        return now > ELSEWHERE * self.usual_round_trip or now * ELSEWHERE < self.usual_round_trip

    def wait_for_quiet(self, at_most=60, interval=0.3):
        """Waits until others leave the processors alone and where they were, or so many seconds."""
        end = time.monotonic() + at_most
        while time.monotonic() < end:
            before = busy_seconds()
            time.sleep(interval)
            if busy_seconds() - before <= QUIET * interval and not self.processors_moved():
                return

    def run_in_quiet(self, command, timed=True):
        """The first run of a few that nothing disturbs, or the least disturbed; one if not timed."""
        if not timed:
            return run(command)
        runs = []
        while not runs or (runs[-1].disturbed and len(runs) < ATTEMPTS):
            self.wait_for_quiet()
            output = run(command)
            moved = output.seconds < LONG and self.processors_moved()
            runs.append(dataclasses.replace(output, moved=moved))
        return min(runs, key=lambda output: (output.moved, output.others))

    def binary(self, program):
        path = self.binaries / program
        if not path.exists():
            sys.exit(f"compare.py: {path} is missing: build it with cmake --preset release && "
                     f"cmake --build --preset release --target {program}, or name --binaries")
        return path

    def google_benchmark(self, program, pattern, *arguments, timed=True):
        """The entries of a Google Benchmark program whose names match."""
        output = self.run_in_quiet([self.binary(program), *arguments, "--benchmark_format=json",
                                    f"--benchmark_filter={pattern}"], timed)
        return output.values["benchmarks"], output

    def arguments(self, row):
        return (self.data,) if row.needs_data else ()

    def ours(self, row):
        (times, *_), output = self.google_benchmark(
            row.program, f"^{row.benchmark}(/|$)", *self.arguments(row),
            f"--benchmark_min_time={SECONDS}",
            f"--benchmark_min_warmup_time={0.001 if row.warm_up else 0}",
            timed=row.timed)
        milliseconds = times["real_time"]  # see benchmark_options.hpp
        return self.measurement(row, milliseconds / 1000, times, output)

    def peer(self, row, script, python, form):
        output = self.run_in_quiet(
            [python, "-W", "ignore", HERE / "peers" / script[0], *script[1:],
             *self.arguments(row), *form.split(), f"--seconds={SECONDS}"], row.timed)
        if "cannot" in output.values:
            raise Cannot(output.values["cannot"])
        return self.measurement(row, output.values.get("seconds"), output.values, output)

    @staticmethod
    def measurement(row, seconds, values, output):
        if not row.timed:
            return Measurement(output.memory, math.nan)
        return Measurement(seconds, values.get("check", math.nan), output.others, output.moved)

    @functools.lru_cache(maxsize=None)
    def checked(self, python, script):
        """Runs the check of an interpreter's script once; raises Cannot where it fails."""
        return (run([python, "-W", "ignore", HERE / "peers" / script, "check"]).values
                if script in CHECKED else {})

    def candidates(self, row):
        """Interpreters and forms by their labels, and why other interpreters cannot."""
        found, cannot = {}, {}
        for python, versions in self.versions.items():
            title, package = INSTALL[row.module]
            if row.module not in versions:
                cannot[f"Python {versions['python']}"] = (
                    f"no {title}: sudo apt-get install python3-{package}, or install it in "
                    "another interpreter and name that with --python")
            for form in row.forms if row.module in versions else ():
                label = f"{title} {versions[row.module]}"
                words = [argument.split("=")[-1].lstrip("-") for argument in form.split()]
                found[", ".join([label, *words])] = python, form
        return found, cannot

    def trials(self, row, candidates):
        """What each candidate takes, and why some cannot, by their labels."""
        found, cannot = {}, {}
        for label, (python, form) in candidates.items():
            try:
                self.checked(python, row.script[0])
                found[label] = self.peer(row, row.trial or row.script, python, form).value
            except Cannot as reason:
                cannot[label] = str(reason)
        return found, cannot

    def compare(self, row):
        if row.needs_data and not self.data:
            raise Cannot("it needs a zip of images, --data FILE.zip")
        self.binary(row.program)
        candidates, without = self.candidates(row)
        trials, cannot = self.trials(row, candidates)
        cannot = {**without, **cannot}
        if not trials:
            raise Cannot("; ".join(f"{label}: {reason}" for label, reason in cannot.items()))
        opponent = min(trials, key=trials.get)
        pairs = [(self.ours(row), self.peer(row, row.script, *candidates[opponent]))
                 for _ in range(self.turns)]
        require_equal_work(row, pairs)
        return {**summary(row, pairs), "opponent": opponent, "trials": trials, "cannot": cannot}

    def accuracy(self):
        """How far networks are from tests/golden, relative L2, by class and then by who computes."""
        entries, _ = self.google_benchmark("benchmark_accuracy", ".", timed=False)
        found = {number: {"LIFT": {scale: entry[scale] for scale in ("fine", "coarse")}}
                 for entry in entries for number in ("float32", "bfloat16")
                 if entry["name"].startswith(number)}
        for python, versions in self.versions.items():
            for number, argument in (("float32", ""), ("bfloat16", "--autocast")) if "torch" in versions else ():
                found[number][f"PyTorch {versions['torch']}"] = run(
                    [python, "-W", "ignore", HERE / "peers/network.py", "accuracy", argument]).values
        return found

    def roofline(self):
        """What each kind of layer makes of the machine's rate for products, in GFLOP/s, of float32
        and of bfloat16 numbers."""
        (sgemm, *_), _ = self.google_benchmark("benchmark_sgemm", "openblas_sgemm",
                                               "--benchmark_min_time=1")
        entries, output = self.google_benchmark(
            "benchmark_primitive",
            "^matrix_product|^bf16_products|^(bf16_)?(conv|attention).*/batch:8/",
            "--benchmark_min_time=0.2")

        def rate(start):
            return next(entry for entry in entries if entry["name"].startswith(start))

        classes = {"float32": {"ceiling": sgemm["GFLOP/s"], "by": f"sgemm of OpenBLAS, {sgemm['label']}",
                               "matrix_product": rate("matrix")["GFLOP/s"]},
                   "bfloat16": {"ceiling": rate("bf16_products")["GFLOP/s"],
                                "by": f"products in the first-level cache, {rate('bf16_products')['label']}"}}
        for number, roofline in classes.items():
            layers = {}
            for entry in entries:
                layer = described_layer(entry["name"])
                if layer and layer[0] == number:
                    layers.setdefault(layer[1], {"name": layer[1]})[layer[2]] = entry["GFLOP/s"]
            roofline["layers"] = list(layers.values())
        return {"unit": "GFLOP/s", "others": output.others, **classes}


def require_equal_work(row, pairs):
    for ours, peer in pairs:
        if not math.isnan(ours.check) and not math.isclose(ours.check, peer.check, rel_tol=1e-4):
            sys.exit(f"compare.py: {row.name}: the two sides did different work: {ours.check} "
                     f"and {peer.check}")


def summary(row, pairs):
    """The medians over the turns."""
    ratios = [peer.value / ours.value for ours, peer in pairs]
    return {"name": row.name, "ours": statistics.median(ours.value for ours, _ in pairs),
            "peer": statistics.median(peer.value for _, peer in pairs),
            "ratio": statistics.median(ratios), "unit": row.unit,
            "spread": [min(ratios), max(ratios)], "at_least": row.at_least,
            "others": max(side.others for pair in pairs for side in pair),
            "moved": any(side.moved for pair in pairs for side in pair)}


DIRECTIONS = {None: "forward", "image_gradient": "data_gradient", "gradient": "data_gradient",
              "weight_gradient": "weight_gradient"}


def described_layer(name):
    """'conv2d_weight_gradient/batch:8/in:64/…' → ('float32', '3x3 64→64 64²', 'weight_gradient')."""
    match = re.match(r"(bf16_)?(conv2d|conv_transpose2d|attention)(?:_(\w*gradient))?/", name)
    if not match:
        return None
    at = dict(re.findall(r"(\w+):(\d+)", name))
    if match[2] == "attention":
        kind = f"attention {at['channels']}"
    else:
        kind = f"{at['kernel']}x{at['kernel']} {at['in']}→{at['out']}"
        if at["kernel"] == "4":
            kind += " strided" if match[2] == "conv2d" else " transposed"
    return "bfloat16" if match[1] else "float32", f"{kind} {at['size']}²", DIRECTIONS[match[3]]


def processor_name():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def print_row(row):
    spread = "–".join(f"{end:.3g}" for end in row["spread"])
    notes = ["below"] if row["ratio"] < row["at_least"] else []
    if row["others"] > QUIET:
        notes.append(f"disturbed: others kept {row['others']:.1f} processors busy")
    if row["moved"]:
        notes.append("disturbed: the processors moved")
    print(f"{row['name']:16}{row['ours']:11.4g}{row['peer']:11.4g} {row['unit']:4}"
          f"{row['ratio']:8.2f}{spread:>14}{row['at_least']:10g}  {row['opponent']}"
          + "".join(f"  ({note})" for note in notes), flush=True)


def print_accuracy(report):
    print("\nrelative L2 distance from the golden results, fine and coarse scale")
    for number, found in report.items():
        for name, at in found.items():
            print(f"{number:10}{name:28}{at['fine']:10.2e}{at['coarse']:10.2e}")


def print_roofline(report):
    print("\nroofline in GFLOP/s, counting the operations of the plain algorithm, and its part of the ceiling")
    for number in ("float32", "bfloat16"):
        roofline = report[number]
        product = (f", LIFT's matrix product {roofline['matrix_product']:.0f}"
                   if "matrix_product" in roofline else "")
        print(f"{number}: {roofline['ceiling']:.0f} ({roofline['by']}){product}\n{'8 images':24}"
              f"{'forward':>16}{'data gradient':>16}{'weight gradient':>16}")
        for layer in roofline["layers"]:
            cells = (f"{layer[key]:.0f} {layer[key] / roofline['ceiling']:6.0%}" if key in layer else ""
                     for key in ("forward", "data_gradient", "weight_gradient"))
            print(f"{layer['name']:24}" + "".join(f"{cell:>16}" for cell in cells))


def parsed_options():
    names = [row.name for row in ROWS] + ["accuracy", "roofline"]

    def chosen(text):
        unknown = [name for name in text.split(",") if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {unknown[0]}; there are {', '.join(names)}")
        return text.split(",")

    def interpreter(text):
        if not shutil.which(text):
            raise argparse.ArgumentTypeError(f"there is no program {text}")
        return text

    def existing(text):
        if not pathlib.Path(text).is_file():
            raise argparse.ArgumentTypeError(f"there is no file {text}")
        return pathlib.Path(text).resolve()

    def count(text):
        if not text.isdigit() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text} is not a number from 1")
        return int(text)

    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="write the rows here as JSON")
    parser.add_argument("--only", type=chosen, default=names, metavar="NAME[,NAME]",
                        help=f"of {', '.join(names)}")
    parser.add_argument("--turns", type=count, default=5, help="measurements of each side")
    parser.add_argument("--python", type=interpreter, action="append",
                        help="an interpreter for the peers, repeatable (default /usr/bin/python3)")
    parser.add_argument("--data", type=existing, help="a zip of images, for the loader")
    parser.add_argument("--binaries", type=pathlib.Path,
                        default=HERE.parent / "build/release/bin", help="LIFT's benchmarks")
    options = parser.parse_args()
    options.python = options.python or [interpreter("/usr/bin/python3")]
    return options


def write(report, path):
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def main():
    options = parsed_options()
    bench = Bench(options)
    cores = len(os.sched_getaffinity(0))
    report = {"cpu": processor_name(), "cores": cores, "turns": options.turns,
              "round_trip_ns": bench.usual_round_trip,
              "interpreters": list(bench.versions.values()), "rows": [], "skipped": {}}
    apart = (f", {bench.usual_round_trip:.0f} ns from one to another and back"
             if bench.usual_round_trip else "")
    print(f"{processor_name()}, {cores} cores{apart}\n"
          f"{'':16}{'LIFT':>11}{'peer':>11} {'':4}{'ratio':>8}{'spread':>14}{'at least':>10}  peer")
    for row in (row for row in ROWS if row.name in options.only):
        try:
            report["rows"].append(bench.compare(row))
            print_row(report["rows"][-1])
        except Cannot as reason:
            report["skipped"][row.name] = str(reason)
            print(f"{row.name:16} skipped: {reason}", flush=True)
        write(report, options.out)
    if "accuracy" in options.only:
        report["accuracy"] = bench.accuracy()
        print_accuracy(report["accuracy"])
        write(report, options.out)
    if "roofline" in options.only:
        report["roofline"] = bench.roofline()
        print_roofline(report["roofline"])
        write(report, options.out)


if __name__ == "__main__":
    main()
