# SPDX-License-Identifier: MIT
"""Checks the PyTorch network, sampler and derivatives against tests/golden."""
import json
import math
import pathlib
import struct

import numpy
import torch

import lift_unet

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests/golden"


def read_safetensors(name):
    data = (FOLDER / name).read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:begin])
    types = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64,
             "U8": numpy.uint8}
    metadata = header.pop("__metadata__")
    return metadata, {
        key: torch.from_numpy(
            numpy.frombuffer(data[begin:][slice(*entry["data_offsets"])], types[entry["dtype"]])
            .reshape(entry["shape"]).copy())
        for key, entry in header.items()}


def hashed_numbers(label, shape):
    """The numbers of a label, uniform on [-1, 1); tests/hashed.hpp says them in C++."""
    key = 0xCBF29CE484222325
    for byte in label.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    z = (numpy.arange(1, math.prod(shape) + 1, dtype=numpy.uint64)
         * numpy.uint64(0x9E3779B97F4A7C15) + numpy.uint64(key))
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    return torch.from_numpy(((z >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1)
                            .astype(numpy.float32).reshape(shape))


def hashed_parameter(name, prefix, shape):
    """The golden value of a parameter."""
    u = hashed_numbers(prefix + name, shape)
    if len(shape) == 1:
        return 1 + 0.1 * u if name.endswith("weight") else 0.1 * u
    fan_in = math.prod(shape[1:])
    if name.startswith("upsample."):
        fan_in = shape[0] * shape[2] * shape[3] / 4
    return u * numpy.float32(math.sqrt(3 / fan_in))


def golden_network(metadata):
    net = lift_unet.LiftUnet(json.loads(metadata["hidden_dims"])).eval().requires_grad_(False)
    net.load_state_dict({name: hashed_parameter(name, metadata["weight_prefix"], tuple(p.shape))
                         for name, p in net.state_dict().items()})
    return net


def difference(got, golden):
    return float((got - golden).norm() / golden.norm())


def output_differences():
    """Of the full-size network, for some timesteps: of the fine and of the coarse scale."""
    metadata, golden = read_safetensors("lift_full.safetensors")
    net = golden_network(metadata)
    for i in range(3):
        t = golden[f"t.{i}"]
        fine, coarse = net(golden["x_fine"], golden["x_coarse"], t[:1], t[1:])
        yield (difference(fine, golden[f"out_fine.{i}"]),
               difference(coarse, golden[f"out_coarse.{i}"]))


def outputs():
    return [max(pair) for pair in output_differences()]


def accuracy(autocast):
    """The largest relative L2 differences of outputs, with products in bfloat16 or not."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        fine, coarse = map(max, zip(*output_differences()))
    return {"fine": fine, "coarse": coarse}


def samples():
    metadata, golden = read_safetensors("sampling_small.safetensors")
    path = [(t, t) for t in golden["diagonal.timesteps"].tolist()]
    fine, coarse = lift_unet.sample(golden_network(metadata), golden["x_fine.init"],
                                    golden["x_coarse.init"], path, lift_unet.alpha_bars()[0])
    yield difference(fine, golden["diagonal.x_fine.final"])
    yield difference(coarse, golden["diagonal.x_coarse.final"])


def derivatives():
    metadata, golden = read_safetensors("jacobian_small.safetensors")
    net = lift_unet.without_fused_attention(golden_network(metadata))
    x_fine, x_coarse = golden["x_fine"], golden["x_coarse"]
    for i in range(3):
        t = golden[f"t.{i}"]
        fine = lift_unet.jacobian_products(lambda x: net(x, x_coarse, t[:1], t[1:])[0], x_fine,
                                           golden["u_fine"][None])
        coarse = lift_unet.jacobian_products(lambda x: net(x_fine, x, t[:1], t[1:])[1], x_coarse,
                                             golden["u_coarse"][None])
        yield difference(fine[0], golden[f"jvp_fine_from_fine.{i}"])
        yield difference(coarse[0], golden[f"jvp_coarse_from_coarse.{i}"])


def check():
    """The largest relative L2 differences; raises SystemExit where one is too large."""
    parts = [outputs, samples] + ([derivatives] if lift_unet.jvp else [])
    with torch.no_grad():
        worst = {part.__name__: max(part()) for part in parts}
    for name, distance in worst.items():
        if not distance < 2e-5:
            raise SystemExit(f"PyTorch's {name} differ from the golden ones by {distance:.2g}")
    return worst
