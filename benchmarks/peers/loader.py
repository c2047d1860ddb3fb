# SPDX-License-Identifier: MIT
"""Reads every image of a zip with Pillow, in one process a core; prints one JSON object.

Each image has its shorter side resized to 64 and is cropped to the centre; batches of 64 become
float32 in [-1, 1], with the 2x2 means as coarse images.
"""
import argparse
import io
import multiprocessing
import os
import zipfile

import numpy
from PIL import Image

from timing import measure, report

SIZE, BATCH = 64, 64
archive = None  # of a worker


def open_archive(path):
    global archive
    archive = zipfile.ZipFile(path)


def decoded(name):
    image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
    if min(image.size) != SIZE:
        scale = SIZE / min(image.size)
        image = image.resize([round(side * scale) for side in image.size], Image.BILINEAR)
    left, top = ((side - SIZE) // 2 for side in image.size)
    return numpy.asarray(image)[top:top + SIZE, left:left + SIZE]


def decoded_batch(names):
    return numpy.stack([decoded(name) for name in names])


def scales(pixels):
    """(B, 64, 64, 3) bytes as fine and coarse images, channels first."""
    fine = pixels.transpose(0, 3, 1, 2).astype(numpy.float32, order="C")
    fine *= numpy.float32(1 / 127.5)
    fine -= 1
    coarse = fine[..., ::2, ::2] + fine[..., ::2, 1::2]
    coarse += fine[..., 1::2, ::2]
    coarse += fine[..., 1::2, 1::2]
    coarse *= numpy.float32(0.25)
    return fine, coarse


def last_batch(path, processes):
    """Makes all batches and returns the last."""
    with zipfile.ZipFile(path) as file:
        names = sorted(name for name in file.namelist()
                       if name.lower().endswith((".jpg", ".jpeg", ".png")))
    batches = [names[first:first + BATCH] for first in range(0, len(names), BATCH)]
    with multiprocessing.Pool(processes, open_archive, [path]) as pool:
        for pixels in pool.imap(decoded_batch, batches):
            batch = scales(pixels)
    return batch


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", help="a zip of PNG and JPEG images")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=1, help="least time to measure for")
    options = parser.parse_args()
    _, coarse = last_batch(options.images, options.processes)
    report({"check": float((coarse ** 2).mean()),
            **measure(lambda: last_batch(options.images, options.processes), options.seconds,
                      warm_up=lambda: None)})


if __name__ == "__main__":
    main()
