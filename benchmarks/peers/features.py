# SPDX-License-Identifier: MIT
"""Times features of networks in PyTorch, in float32 on all cores; prints one JSON object.

Images of 64x64 are enlarged bilinearly and shown to VGG-16 or to the Inception network of the FID, and the means
of the deepest activations taken. Actions, for a batch of images (default 8):
  check      compares the features of the Inception network with tests/golden
  vgg16      means of relu5_3, shown 224x224
  inception  after the last pool, shown 299x299; batch normalisations are folded
"""
import argparse
import json
import math
import os

import torch
from torch import nn
from torch.nn import functional

import golden
from timing import measure, report


class Unit(nn.Module):
    """A convolution and max(x, 0)."""

    def __init__(self, inputs, out, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, out, kernel, stride, padding)

    def forward(self, x):
        return functional.relu(self.conv(x), inplace=True)


def means_of_three(x):
    """3x3 means that leave padding out."""
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def maxima_of_three(x):
    return functional.max_pool2d(x, 3, 1, 1)


def halved(x):
    return functional.max_pool2d(x, 3, 2)


class Branches(nn.Module):
    """Branches of one input side by side: sequences of units, and pools or pooled units."""

    def __init__(self, inputs, units, chains, pool, pooled=None):
        super().__init__()
        self.chains, self.pool, self.pooled = chains, pool, pooled
        for name, arguments in units.items():
            setattr(self, name, Unit(*arguments))
        if pooled:
            self.branch_pool = Unit(inputs, pooled, 1)

    def forward(self, x):
        outputs = []
        for chain in self.chains:
            y = x
            for step in chain:  # a name, or names of units that lie side by side
                y = (torch.cat([getattr(self, name)(y) for name in step], 1) if isinstance(step, tuple)
                     else getattr(self, step)(y))
            outputs.append(y)
        y = self.pool(x)
        outputs.append(self.branch_pool(y) if self.pooled else y)
        return torch.cat(outputs, 1)


def mixed_5(inputs, pooled):
    return Branches(inputs, {
        "branch1x1": (inputs, 64, 1), "branch5x5_1": (inputs, 48, 1), "branch5x5_2": (48, 64, 5, 1, 2),
        "branch3x3dbl_1": (inputs, 64, 1), "branch3x3dbl_2": (64, 96, 3, 1, 1), "branch3x3dbl_3": (96, 96, 3, 1, 1)},
        [["branch1x1"], ["branch5x5_1", "branch5x5_2"],
         ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]], means_of_three, pooled)


def mixed_6a(inputs):
    return Branches(inputs, {
        "branch3x3": (inputs, 384, 3, 2), "branch3x3dbl_1": (inputs, 64, 1), "branch3x3dbl_2": (64, 96, 3, 1, 1),
        "branch3x3dbl_3": (96, 96, 3, 2)},
        [["branch3x3"], ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]], halved)


def mixed_6(inner, inputs=768):
    row, column = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
    twice = [f"branch7x7dbl_{i}" for i in range(1, 6)]
    return Branches(inputs, {
        "branch1x1": (inputs, 192, 1), "branch7x7_1": (inputs, inner, 1), "branch7x7_2": (inner, inner, *row),
        "branch7x7_3": (inner, 192, *column), twice[0]: (inputs, inner, 1), twice[1]: (inner, inner, *column),
        twice[2]: (inner, inner, *row), twice[3]: (inner, inner, *column), twice[4]: (inner, 192, *row)},
        [["branch1x1"], ["branch7x7_1", "branch7x7_2", "branch7x7_3"], twice], means_of_three, 192)


def mixed_7a(inputs=768):
    return Branches(inputs, {
        "branch3x3_1": (inputs, 192, 1), "branch3x3_2": (192, 320, 3, 2), "branch7x7x3_1": (inputs, 192, 1),
        "branch7x7x3_2": (192, 192, (1, 7), 1, (0, 3)), "branch7x7x3_3": (192, 192, (7, 1), 1, (3, 0)),
        "branch7x7x3_4": (192, 192, 3, 2)},
        [["branch3x3_1", "branch3x3_2"], [f"branch7x7x3_{i}" for i in range(1, 5)]], halved)


def mixed_7(inputs, pool):
    row, column = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))
    return Branches(inputs, {
        "branch1x1": (inputs, 320, 1), "branch3x3_1": (inputs, 384, 1), "branch3x3_2a": (384, 384, *row),
        "branch3x3_2b": (384, 384, *column), "branch3x3dbl_1": (inputs, 448, 1), "branch3x3dbl_2": (448, 384, 3, 1, 1),
        "branch3x3dbl_3a": (384, 384, *row), "branch3x3dbl_3b": (384, 384, *column)},
        [["branch1x1"], ["branch3x3_1", ("branch3x3_2a", "branch3x3_2b")],
         ["branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")]], pool, 192)


class Inception(nn.Module):
    size = 299

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = Unit(3, 32, 3, 2), Unit(32, 32, 3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = Unit(32, 64, 3, 1, 1), Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = mixed_5(192, 32), mixed_5(256, 64), mixed_5(288, 64)
        self.Mixed_6a, self.Mixed_6b, self.Mixed_6c = mixed_6a(288), mixed_6(128), mixed_6(160)
        self.Mixed_6d, self.Mixed_6e, self.Mixed_7a = mixed_6(160), mixed_6(192), mixed_7a()
        self.Mixed_7b, self.Mixed_7c = mixed_7(1280, means_of_three), mixed_7(2048, maxima_of_three)

    def forward(self, x):
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = halved(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(halved(x))))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


class Vgg16(nn.Module):
    size = 224

    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for channels, convolutions in (64, 2), (128, 2), (256, 3), (512, 3), (512, 3):
            layers += [nn.MaxPool2d(2)] if layers else []
            for _ in range(convolutions):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = channels
        self.features = nn.Sequential(*layers)
        half = lambda numbers: torch.tensor(numbers).view(1, 3, 1, 1)
        self.register_buffer("mean", 2 * half([0.485, 0.456, 0.406]) - 1, persistent=False)
        self.register_buffer("deviation", 2 * half([0.229, 0.224, 0.225]), persistent=False)

    def forward(self, x):
        return self.features((x - self.mean) / self.deviation).mean((2, 3))


class Features(nn.Module):
    """Of images (B, 3, H, W) in [-1, 1]."""

    def __init__(self, network, weights):
        super().__init__()
        self.network = network
        network.load_state_dict(weights)
        self.eval().requires_grad_(False)

    def forward(self, images):
        size = self.network.size
        return self.network(functional.interpolate(images, (size, size), mode="bilinear", align_corners=False))


def folded_name(name):
    """Without the place of the convolution in a unit."""
    return name.replace(".conv.", ".")


def hashed_weights(network):
    """Those of benchmarks/features.cpp."""
    def values(name, shape):
        fan_in = math.prod(shape[1:])
        return golden.hashed_numbers(name, shape) * (math.sqrt(6 / fan_in) if len(shape) > 1 else 0.1)

    return {name: values(folded_name(name), tuple(p.shape)) for name, p in network.state_dict().items()}


def golden_weights(network):
    """Those of the golden features, their batch normalisations folded."""
    shapes = json.loads((golden.FOLDER / "inception_parameters.json").read_text())

    def stored(name):
        label, shape = "inception." + name, tuple(shapes[name])
        if len(shape) > 1:
            return golden.hashed_numbers(label, shape) * math.sqrt(6 / math.prod(shape[1:]))
        values = golden.hashed_parameter(name, "inception.", shape)
        return 1 + 5 * values if name.endswith("running_var") else values

    weights = {}
    for name in network.state_dict():
        layer = name.removesuffix(".conv.weight")
        if layer == name:
            continue
        scale = stored(layer + ".bn.weight") / (stored(layer + ".bn.running_var") + 1e-3).sqrt()
        weights[name] = stored(name) * scale.view(-1, 1, 1, 1)
        weights[layer + ".conv.bias"] = stored(layer + ".bn.bias") - stored(layer + ".bn.running_mean") * scale
    return weights


def check():
    """The largest difference; raises SystemExit where it is too large."""
    _, stored = golden.read_safetensors("inception.safetensors")
    network = Inception()
    images = stored["images"].permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        found = Features(network, golden_weights(network))(images)
    worst = float((found - stored["features_2048"]).abs().max())
    if not worst < 1e-4:
        raise SystemExit(f"PyTorch's features differ from the golden ones by {worst:.2g}")
    return {"features": worst}


def prepared(features, images, form):
    """The features as a function of images, in one of the forms."""
    if form == "contiguous_format":
        return features
    features = features.to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
    if form == "frozen":
        traced = torch.jit.trace(features, images)
        return torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    if form == "compiled":
        from torch._inductor import config
        config.freezing = True  # kernels are packed once
        return torch.compile(features)
    return features


def timed(network, options):
    torch.manual_seed(1)
    images = golden.hashed_numbers("images", (options.batch, 3, 64, 64))
    with torch.inference_mode(options.form != "compiled"), torch.no_grad():
        features = prepared(Features(network, hashed_weights(network)), images, options.form)
        if options.form != "contiguous_format":
            images = images.to(memory_format=torch.channels_last)
        for _ in range(3):  # the fused forms are made at the first calls
            found = features(images)
        return {"check": float(found.double().square().mean()),
                **measure(lambda: features(images), options.seconds)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    networks = {"vgg16": Vgg16, "inception": Inception}
    parser.add_argument("action", choices=["check", *networks])
    parser.add_argument("batch", type=int, nargs="?", default=8)
    parser.add_argument("--form", choices=["contiguous_format", "channels_last", "frozen", "compiled"],
                        default="channels_last", help="how images lie in memory, and what is made of the network")
    parser.add_argument("--seconds", type=float, default=1, help="least time to measure for")
    options = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    report(check() if options.action == "check" else timed(networks[options.action](), options))


if __name__ == "__main__":
    main()
