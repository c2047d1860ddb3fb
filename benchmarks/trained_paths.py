#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what paths and solvers are worth for networks that were trained.

    trained_paths.py --lift build/release/bin/lift --data cats.zip --work out/paths

Trains one network for each of --networks (copies, haar, baseline), all for as many --epochs, and makes
--images images with every path, solver, number of evaluations and seed. Each set's Fréchet distance
to as many images of --data is written to WORK/results.json, and a table of means and standard
deviations over the seeds to WORK/results.md. What is there already is kept, so that a stopped run
goes on, and a further run adds other --paths or --evaluations.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess

REFERENCE = "diagonal, reference"
NETWORKS = {"copies": ["--model", "lift"], "haar": ["--model", "lift", "--pyramid", "haar"],
            "baseline": ["--model", "baseline"]}


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--lift", required=True, type=pathlib.Path)
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--work", required=True, type=pathlib.Path)
    p.add_argument("--networks", default=",".join(NETWORKS))
    p.add_argument("--epochs", type=int, default=16, help="of training, for each network")
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--hidden-dims", default="24,48,96")
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--lr", default="1e-3")
    p.add_argument("--images", type=int, default=1000)
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--evaluations", default="6,10,18,50")
    p.add_argument("--solvers", default="ddim,usual", help="usual: what lift generate takes for so many steps")
    p.add_argument("--paths", help="only these, separated by semicolons")
    p.add_argument("--threads", type=int, default=0)
    return p.parse_args()


class Study:
    def __init__(self, options):
        self.options = options
        self.work = options.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.file = self.work / "results.json"
        self.results = json.loads(self.file.read_text()) if self.file.exists() else {}

    def lift(self, *arguments):
        command = [self.options.lift, *arguments, "--json", "--quiet", "--threads", self.options.threads]
        done = subprocess.run([str(a) for a in command], check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def keep(self, key, value):
        self.results[key] = value
        whole = self.file.with_suffix(".tmp")
        whole.write_text(json.dumps(self.results, indent=1))
        whole.replace(self.file)

    def train(self, network):
        o, folder = self.options, self.work / network
        if f"{network}: training" in self.results:
            return folder
        made = self.lift("train", *NETWORKS[network], "--data", o.data, "--outdir", folder, "--overwrite",
                         "--size", o.size, "--hidden-dims", o.hidden_dims, "--attention-levels", 2,
                         "--batch-size", o.batch_size, "--lr", o.lr, "--warmup", 100, "--ema", "0.999",
                         "--epochs", o.epochs, "--save-every", 0, "--sample-every", 0)
        self.keep(f"{network}: training", {k: made[k] for k in ("step", "loss", "parameters", "seconds")})
        return folder

    def heatmap(self, network, folder):
        file = self.work / f"{network}.heatmap.json"
        if not file.exists():
            self.lift("heatmap", "--checkpoint", folder, "--data", self.options.data, "--preset", "reference",
                      "--points", 12, "--num-images", 16, "--probes", 2, "--output", file)
        return file

    @staticmethod
    def by(solver):
        return [] if solver == "usual" else ["--solver", solver]

    def path(self, network, folder, name, solver, steps):
        """The file of a path; paths that are found with a solver are that solver's own."""
        fitted = name.endswith("fitted")
        file = self.work / f"{network}.{name}.{solver if fitted else 'any'}.{steps}.json".replace(" ", "-")
        if file.exists():
            return file
        how = {REFERENCE: ["--policy", "diagonal", "--preset", "reference", "--schedule", "cosine-ztsnr"],
               "log-snr": ["--policy", "log-snr"],
               "diagonal, fitted": ["--policy", "fitted", "--checkpoint", folder, "--clocks", "one"],
               "two clocks, fitted": ["--policy", "fitted", "--checkpoint", folder, "--clocks", "free"],
               "gits": ["--policy", "gits", "--checkpoint", folder]}.get(name)
        if how is None:  # over the heatmap
            how = ["--policy", name, "--preset", "reference", "--heatmap", self.heatmap(network, folder)]
        if fitted:
            how += ["--num-images", 16, "--search-steps", 15, *self.by(solver)]
        self.lift("path", *how, "--steps", steps, "--output", file)
        return file

    def measure(self, network, folder, name, solver, steps, seed):
        key = f"{network}: {name}, {solver}, {steps}, seed {seed}"
        if key in self.results:
            return
        o, samples = self.options, self.work / "samples"
        landing = ["--landing", "timestep-zero"] if name == REFERENCE and solver == "ddim" else []
        self.lift("generate", "--checkpoint", folder, "--path",
                  self.path(network, folder, name, solver, steps), *self.by(solver), *landing,
                  "--num-images", o.images, "--batch-size", 50, "--seed", seed, "--outdir", samples,
                  "--overwrite")
        found = self.lift("measure", "frechet", "--data", samples, "--against", o.data, "--size", o.size,
                          "--num-images", o.images)
        self.keep(key, found["distance"])
        shutil.rmtree(samples)

    def paths(self, network):
        names = [REFERENCE, "log-snr", "diagonal, fitted", "gits"]
        if network != "baseline":
            names += ["dp-64", "dp-total", "two clocks, fitted"]
        wanted = self.options.paths
        return [n for n in names if not wanted or n in wanted.split(";")]

    def table(self):
        steps = self.options.evaluations.split(",")
        lines = ["| network | path | solver | " + " | ".join(steps) + " |", "|---" * (3 + len(steps)) + "|"]
        for network in self.options.networks.split(","):
            for name in self.paths(network):
                for solver in self.options.solvers.split(","):
                    cells = []
                    for n in steps:
                        seeds = [self.results.get(f"{network}: {name}, {solver}, {n}, seed {s}")
                                 for s in range(self.options.seeds)]
                        known = [x for x in seeds if x is not None]
                        spread = f" ± {statistics.stdev(known):.2g}" if len(known) > 1 else ""
                        cells.append(f"{statistics.mean(known):.1f}{spread}" if known else "")
                    lines.append(f"| {network} | {name} | {solver} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def run(self):
        o = self.options
        for network in o.networks.split(","):
            folder = self.train(network)
            for seed in range(o.seeds):
                for steps in map(int, o.evaluations.split(",")):
                    for name in self.paths(network):
                        for solver in o.solvers.split(","):
                            self.measure(network, folder, name, solver, steps, seed)
                (self.work / "results.md").write_text(self.table())
        print(self.table())


if __name__ == "__main__":
    Study(parse()).run()
