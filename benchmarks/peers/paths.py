# SPDX-License-Identifier: MIT
"""Path searches on error heatmaps in loops of Python, over NumPy's numbers; prints one JSON object.

paths.py check   compares every search with tests/golden/paths.json
paths.py time    times greedy, DP-64 and DP-total on 15x15 and the n-step search on 30x30
"""
import argparse
import json
import math
import pathlib

import numpy

from timing import measure, report

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/paths.json"


def smooth_heatmap(n):
    """SNRs and the errors of both scales; benchmarks/path.cpp has the same."""
    gamma = 10 ** (4 * numpy.arange(n) / (n - 1) - 2)
    fine, coarse = gamma[:, None], gamma[None, :]
    both = 1 + fine * coarse
    return (gamma.tolist(), (1 / (1 + fine) + 0.5 / both).tolist(),
            (1 / (1 + coarse) + 0.1 / both).tolist())


def total(fine, coarse):
    return (numpy.array(fine) + numpy.array(coarse)).tolist()


def greedy(error, flatness=0.05):
    """The column of least error in each row, from the last row's on; the diagonal in flat rows."""
    columns = [0]
    for i, row in enumerate(error[1:], 1):
        allowed = row[columns[-1]:]
        least = min(allowed)
        flat = max(allowed) - least < flatness * least
        columns.append(max(i, columns[-1]) if flat else columns[-1] + allowed.index(least))
    return columns


def cheapest_columns(error):
    """The cheapest path of one cell a row whose column starts at 0 and never falls; its cost."""
    count = len(error[0])
    cost, previous = [error[0][0]] + [math.inf] * (count - 1), []
    for row in error[1:]:
        following, best = [], []
        for j in range(count):
            k = min(range(j + 1), key=cost.__getitem__)
            best.append(k)
            following.append(cost[k] + row[j])
        cost = following
        previous.append(best)
    columns = [min(range(count), key=cost.__getitem__)]
    for best in reversed(previous):
        columns.append(best[columns[-1]])
    return columns[::-1], min(cost)


def n_step(gamma, fine, coarse, moves, max_jump, both):
    """The cheapest path of that many moves from corner to corner; its cost."""
    n = len(gamma)
    while moves * max_jump < n - 1:
        max_jump += 2
    level = [math.log(snr) for snr in gamma]
    best = [[math.inf] * n for _ in range(n)]
    best[0][0] = 0.0
    previous = []
    for _ in range(moves):
        following = [[math.inf] * n for _ in range(n)]
        origin = [[None] * n for _ in range(n)]
        for i in range(n):
            for j in range(n):
                here, error_fine, error_coarse = best[i][j], fine[i][j], coarse[i][j]
                if here == math.inf:
                    continue
                for k in range(i, min(i + max_jump + 1, n)):
                    for l in range(j, min(j + max_jump + 1, n)):
                        if k == i and l == j:
                            continue
                        cost = here + 0.5 * (error_fine + fine[k][l]) * (level[k] - level[i])
                        if both:
                            cost += 0.5 * (error_coarse + coarse[k][l]) * (level[l] - level[j])
                        if cost < following[k][l]:
                            following[k][l] = cost
                            origin[k][l] = (i, j)
        best = following
        previous.append(origin)
    cells = [(n - 1, n - 1)]
    for origin in reversed(previous):
        cells.append(origin[cells[-1][0]][cells[-1][1]])
    return cells[::-1], best[-1][-1]


def searches(small, large):
    """The sum of what the four paths cost."""
    _, fine, coarse = small
    return (sum(row[column] for row, column in zip(fine, greedy(fine)))
            + cheapest_columns(fine)[1] + cheapest_columns(total(fine, coarse))[1]
            + n_step(*large, 18, 5, True)[1])


def check():
    def compare(what, got, want):
        if got != want:
            raise SystemExit(f"paths.py: {what} differs from paths.json: {got}, want {want}")

    def compare_found(what, found, path, cost):
        compare(what, found[0], path)
        if not math.isclose(found[1], cost, rel_tol=1e-12):
            raise SystemExit(f"paths.py: {what} costs {found[1]}, want {cost}")

    cases = json.loads(GOLDEN.read_text())["cases"]
    for case in cases:
        gamma, fine, coarse = (case[key] for key in ("gamma", "error_fine", "error_coarse"))
        column = {snr: i for i, snr in enumerate(gamma)}
        columns = lambda key: [column[snr] for snr in case[key]]
        compare("greedy", greedy(fine), columns("greedy_fine_gamma1"))
        for name, error in ("dp_fine", fine), ("dp_total", total(fine, coarse)):
            compare_found(name, cheapest_columns(error), columns(name + "_gamma1"),
                          case[name + "_cost"])
        for name, both in ("nstep_fine", False), ("nstep_total", True):
            golden = case[name]
            cells, cost = golden["result"]
            found = n_step(gamma, fine, coarse, golden["steps"], golden["max_jump"], both)
            compare_found(name, found, [tuple(cell) for cell in cells], cost)
    return {"cases": len(cases)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["check", "time"])
    parser.add_argument("--seconds", type=float, default=1, help="least time to measure for")
    options = parser.parse_args()
    if options.action == "check":
        return report(check())
    heatmaps = smooth_heatmap(15), smooth_heatmap(30)
    report({"check": searches(*heatmaps), **measure(lambda: searches(*heatmaps), options.seconds)})


if __name__ == "__main__":
    main()
