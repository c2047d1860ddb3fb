# SPDX-License-Identifier: MIT
"""What the opponents' scripts share: each prints one JSON object."""
import contextlib
import fcntl
import json
import statistics
import time


@contextlib.contextmanager
def alone(lock):
    """While nobody else has the lock, a file; at once where it is None."""
    if lock is None:
        yield
        return
    with open(lock, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def median_seconds(work, seconds):
    taken = []
    while sum(taken) < seconds:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def measure(work, seconds, warm_up=None, turns=1, lock=None):
    """Median seconds of work() over at least `seconds` of repeats, in each of some turns."""
    (warm_up or work)()
    found = []
    for _ in range(turns):
        with alone(lock):
            if lock is not None:
                work()  # others had the caches
            found.append(median_seconds(work, seconds))
    return {"seconds": statistics.median(found), "turns": found}


def report(result):
    print(json.dumps(result))
