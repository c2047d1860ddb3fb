# SPDX-License-Identifier: MIT
"""What the opponents' scripts share: each prints one JSON object."""
import json
import statistics
import time


def measure(work, seconds, warm_up=None):
    """Median seconds of work() over at least `seconds` of repeats."""
    (warm_up or work)()
    taken = []
    while sum(taken) < seconds:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return {"seconds": statistics.median(taken)}


def report(result):
    print(json.dumps(result))
