#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How a training scales over many ranks, by the model of docs/many_machines.md: prints tables of weak scaling (as many images
a rank) and strong scaling (as many images in all) for 1 to 1,024 ranks, from what one rank takes and what the network gives."""
import argparse

BACKWARD = 2 / 3  # of a step's time; gradients are summed meanwhile


def step(ranks, one, data, rate, latency):
    """Seconds: one rank's computation `one`, `data` bytes of gradients, `rate` bytes and `latency` seconds of the network."""
    if ranks == 1:
        return one
    bucket = 4 * max(1 << 18, ranks << 14)  # bytes that are summed at a time
    messages = 2 * (ranks - 1) * -(-data // bucket)
    total = 2 * (ranks - 1) / ranks * data / rate + messages * latency
    last = total * min(1, bucket / data)  # begins when nothing is left to compute
    return one * (1 - BACKWARD) + max(one * BACKWARD, total - last) + last


def table(title, seconds_of):
    print(f"\n{title}\n\n| ranks | s a step | images/s | efficiency |\n|---|---|---|---|")
    for ranks in [2**k for k in range(11)]:
        images, seconds = seconds_of(ranks)
        first_images, first = seconds_of(1)
        speed, alone = images / seconds, first_images / first
        print(f"| {ranks} | {seconds:.3g} | {speed:.4g} | {speed / alone / ranks:.0%} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a step of --images on one rank (default %(default)s)")
    parser.add_argument("--images", type=int, default=64, help="of that step (default %(default)s)")
    parser.add_argument("--parameters", type=float, default=30e6, help="of the network (default %(default)s)")
    parser.add_argument("--rate", type=float, default=25, help="of the network, Gbit/s each way and rank (default %(default)s)")
    parser.add_argument("--latency", type=float, default=20, help="of a message, µs (default %(default)s)")
    parser.add_argument("--all-images", type=int, default=1024, help="in a batch, for strong scaling (default %(default)s)")
    a = parser.parse_args()
    data, rate, latency = 4 * a.parameters, a.rate * 1e9 / 8, a.latency * 1e-6
    table(f"Weak scaling, {a.images} images a rank", lambda n: (n * a.images, step(n, a.seconds, data, rate, latency)))
    table(f"Strong scaling, {a.all_images} images in all", lambda n: (
        a.all_images, step(n, a.seconds * a.all_images / n / a.images, data, rate, latency)))


if __name__ == "__main__":
    main()
