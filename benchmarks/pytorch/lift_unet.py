# SPDX-License-Identifier: MIT
"""The LIFT network in PyTorch: the opponent of benchmarks/compare.py.

lift_unet.py check                compares its outputs with tests/golden/lift_full.safetensors
lift_unet.py forward BATCH        times an evaluation without gradients
lift_unet.py training_step BATCH  times forward, backward, clipping and AdamW

Prints one JSON object. Times are in seconds, by the clock on the wall and of all processors, each
the median over --seconds of repeats.
"""
import argparse
import json
import math
import os
import statistics
import struct
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden")


class Residual(nn.Module):
    def __init__(self, channels, out, width):
        super().__init__()
        self.time_mlp = nn.Linear(width, out)
        self.norm1, self.conv1 = nn.GroupNorm(8, channels), nn.Conv2d(channels, out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(8, out), nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x, t):
        h = self.conv1(functional.silu(self.norm1(x)))
        h = h + self.time_mlp(functional.silu(t))[:, :, None, None]
        return self.conv2(functional.silu(self.norm2(h))) + self.shortcut(x)


class Attention(nn.Module):
    def __init__(self, channels, heads=4):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x, t):
        b, c, height, width = x.shape
        qkv = self.qkv(self.norm(x)).view(b, 3, self.heads, c // self.heads, height * width)
        if hasattr(functional, "scaled_dot_product_attention"):
            q, k, v = qkv.transpose(-1, -2).unbind(1)  # (B, heads, pixels, depth)
            y = functional.scaled_dot_product_attention(q, k, v).transpose(-1, -2)
        else:
            q, k, v = qkv.unbind(1)  # (B, heads, depth, pixels)
            scores = q.transpose(-1, -2) @ k * (c // self.heads) ** -0.5
            y = v @ scores.softmax(-1).transpose(-1, -2)
        return x + self.proj(y.reshape(b, c, height, width))


class LiftUnet(nn.Module):
    def __init__(self, dims=(64, 128, 256, 512), channels=3):
        super().__init__()
        self.channels, self.first = channels, dims[0]
        width = 4 * dims[0]
        mlp = lambda inputs: [nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width)]
        self.time_mlp = nn.Sequential(nn.Identity(), *mlp(dims[0]))
        self.time_combine = nn.Sequential(*mlp(2 * width))

        def level(inputs, out):
            blocks = [Residual(inputs, out, width), Residual(out, out, width)]
            return nn.ModuleList(blocks + ([Attention(out)] if out >= 128 else []))

        self.init_conv = nn.Conv2d(2 * channels, dims[0], 3, padding=1)
        self.encoder_blocks = nn.ModuleList(map(level, (dims[0], *dims), dims))
        self.downsample = nn.ModuleList(nn.Conv2d(d, d, 4, 2, 1) for d in dims)
        deepest = dims[-1]
        self.bottleneck = nn.ModuleList([Residual(deepest, deepest, width), Attention(deepest),
                                         Residual(deepest, deepest, width)])
        up, below = dims[::-1], (deepest, *dims[::-1])
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(d, d, 4, 2, 1) for d in below[:-1])
        self.decoder_blocks = nn.ModuleList(level(b + d, d) for b, d in zip(below, up))
        self.final_conv = nn.Sequential(nn.GroupNorm(8, dims[0]), nn.SiLU(),
                                        nn.Conv2d(dims[0], 2 * channels, 3, padding=1))

    def embedding(self, t):
        half = self.first // 2
        rates = torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
        angles = t.float()[:, None] * rates
        return self.time_mlp(torch.cat([angles.sin(), angles.cos()], 1))

    def forward(self, fine, coarse, t_fine, t_coarse):
        t = self.time_combine(torch.cat([self.embedding(t_fine), self.embedding(t_coarse)], 1))
        refined = functional.interpolate(coarse, scale_factor=2, mode="bilinear",
                                         align_corners=False)
        h, skips = self.init_conv(torch.cat([fine, refined], 1)), []
        for blocks, down in zip(self.encoder_blocks, self.downsample):
            for block in blocks:
                h = block(h, t)
            skips.append(h)
            h = down(h)
        for block in self.bottleneck:
            h = block(h, t)
        for up, blocks in zip(self.upsample, self.decoder_blocks):
            h = torch.cat([up(h), skips.pop()], 1)
            for block in blocks:
                h = block(h, t)
        y = self.final_conv(h)
        return y[:, :self.channels], functional.avg_pool2d(y[:, self.channels:], 2)


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    types = {"F32": numpy.float32, "I64": numpy.int64}
    metadata = header.pop("__metadata__")
    return metadata, {
        name: torch.from_numpy(numpy.frombuffer(data[slice(*e["data_offsets"])], types[e["dtype"]])
                               .reshape(e["shape"]).copy())
        for name, e in header.items()}


def hashed_parameter(name, prefix, shape):
    """The golden value of a parameter; tests/hashed.hpp says it in C++."""
    label = 0xCBF29CE484222325
    for byte in (prefix + name).encode():
        label = (label ^ byte) * 0x100000001B3 % 2**64
    z = (numpy.arange(1, math.prod(shape) + 1, dtype=numpy.uint64)
         * numpy.uint64(0x9E3779B97F4A7C15) + numpy.uint64(label))
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    u = torch.from_numpy(((z >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1)
                         .astype(numpy.float32).reshape(shape))
    if len(shape) == 1:
        return 1 + 0.1 * u if name.endswith("weight") else 0.1 * u
    fan_in = math.prod(shape[1:])
    if name.startswith("upsample."):
        fan_in = shape[0] * shape[2] * shape[3] / 4
    return u * numpy.float32(math.sqrt(3 / fan_in))


def check(_):
    metadata, golden = read_safetensors(os.path.join(GOLDEN, "lift_full.safetensors"))
    net = LiftUnet().eval()
    state = {name: hashed_parameter(name, metadata["weight_prefix"], tuple(p.shape))
             for name, p in net.state_dict().items()}
    net.load_state_dict(state)
    worst = 0
    with torch.no_grad():
        for i in range(3):
            t = golden[f"t.{i}"]
            outputs = net(golden["x_fine"], golden["x_coarse"], t[:1], t[1:])
            for got, key in zip(outputs, (f"out_fine.{i}", f"out_coarse.{i}")):
                worst = max(worst, float((got - golden[key]).norm() / golden[key].norm()))
    if not worst < 2e-5:
        raise SystemExit(f"the PyTorch network differs from the golden outputs by {worst:.2g}")
    return {"relative_l2": worst}


def measure(work, seconds):
    work()
    wall, processor = [], []
    while sum(wall) < seconds:
        start = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    return {"wall": statistics.median(wall), "processor": statistics.median(processor)}


def inputs(batch):
    torch.manual_seed(1)
    return (torch.randn(batch, 3, 64, 64), torch.randn(batch, 3, 32, 32),
            torch.tensor([500] * batch), torch.tensor([300] * batch))


def forward(options):
    net, x = LiftUnet().eval(), inputs(options.batch)
    with torch.no_grad():
        return measure(lambda: net(*x), options.seconds)


def training_step(options):
    net, x = LiftUnet(), inputs(options.batch)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-4, weight_decay=0.01)

    def step():
        optimiser.zero_grad(set_to_none=True)
        fine, coarse = net(*x)
        (functional.mse_loss(fine, x[0]) + functional.mse_loss(coarse, x[1])).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimiser.step()

    return measure(step, options.seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = {f.__name__: f for f in (check, forward, training_step)}
    parser.add_argument("action", choices=actions)
    parser.add_argument("batch", type=int, nargs="?", default=1)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(json.dumps({"torch": torch.__version__, "threads": options.threads,
                      **actions[options.action](options)}))


if __name__ == "__main__":
    main()
