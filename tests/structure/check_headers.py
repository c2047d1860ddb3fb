#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the shape of include/lift: check_headers.py INCLUDE_DIR, or --self-test.

A folder includes only itself and those before it; no header includes itself in a circle; third-party
headers stay in the folders that own them; every header has its licence line, #pragma once, at most
400 lines, and is listed by exactly one umbrella, but for what only a backend needs: of backend/cpu,
backend/thrust and backend/cuda an umbrella lists the backend alone.
"""
import pathlib
import re
import sys
import tempfile

ORDER = ("core tensor backend backend/cpu backend/thrust backend/cuda op ad schedule pyramid nn model analysis path sample dist "
         "train metric io plot pipeline interop exact dist/nccl dist/mpi").split()
UMBRELLAS = {"lift.hpp": [f for f in ORDER[: ORDER.index("io")] if f not in ("backend/thrust", "backend/cuda")],
             "io.hpp": ["io", "plot", "pipeline"], "interop.hpp": ["interop"], "exact.hpp": ["exact"],
             "thrust.hpp": ["backend/thrust"], "cuda.hpp": ["backend/cuda"], "nccl.hpp": ["dist/nccl"],
             "mpi.hpp": ["dist/mpi"]}
BACKENDS = {"backend/cpu": "xtensor_backend.hpp", "backend/thrust": "thrust_host.hpp", "backend/cuda": "cuda_bf16_backend.hpp"}
# The host's part of the program, which knows what it runs on, and what is for one backend alone.
NAMES_A_BACKEND = ("pipeline", "interop", "exact", "dist/nccl")
STANDARD_ONLY = ("schedule", "path")
THIRD_PARTY = {
    "backend/cpu": r"xtensor|xsimd/|xflens/|(cpuid|immintrin)[.]h",
    "backend/thrust": r"thrust/",
    "backend/cuda": r"thrust/|cuda_runtime_api\.h|cublas_v2\.h|cudnn\.h",
    "model": r"Eigen/",
    "metric": r"Eigen/",
    "exact": r"Eigen/",
    "io": r"png\.h|j(peglib|error)\.h|gif_lib\.h|webp/|archive|ft2build\.h|freetype|nettle/|nlohmann/",
    "plot": r"nlohmann/",
    "interop": r"xtensor/|Eigen/",
    "dist/nccl": r"nccl\.h",
    "dist/mpi": r"mpi\.h",
}
POSIX = r"(unistd|fcntl|sched|signal|spawn|stdlib|sys/\w+)\.h"
LINES = 400
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def folder_of(header):
    """backend/cpu of lift/backend/cpu/thread.hpp; empty for an umbrella."""
    return header.removeprefix("lift/").rpartition("/")[0]


def listed_by_an_umbrella(header):
    folder, _, name = header.removeprefix("lift/").rpartition("/")
    return BACKENDS.get(folder, name) == name


def is_third_party(name):
    """Standard headers have neither a folder nor an extension."""
    return re.search(r"[/.]", name) is not None and not re.fullmatch(POSIX, name)


def problems(include_dir):
    """One line for each broken rule."""
    root = pathlib.Path(include_dir)
    texts = {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*.hpp"))}
    includes = {name: INCLUDE.findall(text) for name, text in texts.items()}
    headers = [name for name in texts if name.count("/") > 1]
    found = []

    def own(name):
        return [i for i in includes[name] if i.startswith("lift/")]

    def reach(name, seen):
        for include in own(name):
            if include in texts and include not in seen:
                seen.add(include)
                reach(include, seen)
        return seen

    for name, text in texts.items():
        if not text.startswith("// SPDX-License-Identifier: MIT\n"):
            found.append(f"{name}: the first line is not the licence line")
        if "\n#pragma once\n" not in text:
            found.append(f"{name}: no #pragma once")
        if text.count("\n") > LINES:
            found.append(f"{name}: {text.count(chr(10))} lines, at most {LINES}")
        found += [f"{name}: includes {i}, which is not there" for i in own(name) if i not in texts]

    for name in headers:
        folder = folder_of(name)
        if folder not in ORDER:
            found.append(f"{name}: folder {folder} is not in the folder order")
            continue
        for include in own(name):
            above = ORDER[: ORDER.index(folder) + 1]
            if folder not in BACKENDS and folder not in NAMES_A_BACKEND:
                above = [f for f in above if f not in BACKENDS]
            if not folder_of(include):
                found.append(f"{name}: includes the umbrella {include}")
            elif folder_of(include) not in above:
                found.append(f"{name}: includes {include}, which is below {folder}")
        for include in includes[name]:
            if not include.startswith("lift/") and is_third_party(include):
                if not re.match(THIRD_PARTY.get(folder, r"(?!)"), include):
                    found.append(f"{name}: includes {include}, which does not belong in {folder}")
        everything = reach(name, set())
        if name in everything:
            found.append(f"{name}: includes itself in a circle")
        if folder in STANDARD_ONLY:
            for header in sorted(everything):
                found += [f"{name}: reaches {i} through {header}" for i in includes[header]
                          if not i.startswith("lift/") and is_third_party(i)]

    for umbrella, folders in UMBRELLAS.items():
        listed = includes.get("lift/" + umbrella, [])
        wanted = [n for n in headers if folder_of(n) in folders and listed_by_an_umbrella(n)]
        found += [f"lift/{umbrella}: does not include {n}" for n in wanted if n not in listed]
        found += [f"lift/{umbrella}: should not include {n}" for n in listed if n not in wanted]
        places = [ORDER.index(folder_of(n)) for n in listed if n in wanted]
        if places != sorted(places):
            found.append(f"lift/{umbrella}: its includes are not in the folder order")
        if len(listed) != len(set(listed)):
            found.append(f"lift/{umbrella}: includes a header twice")
    return found


def self_test():
    """Every rule is seen to hold on a good tree and to fail on one that breaks it alone."""
    def header(*includes, lines=0):
        body = "".join(f"#include <{i}>\n" for i in includes) + "// line\n" * lines
        return "// SPDX-License-Identifier: MIT\n#pragma once\n" + body

    cpu, thrust, cuda = (f"lift/{folder}/{name}" for folder, name in BACKENDS.items())
    good = {
        "core/a.hpp": header("vector", "unistd.h"), "backend/cpu/kernel.hpp": header("xtensor/xarray.hpp"),
        cpu.removeprefix("lift/"): header("lift/backend/cpu/kernel.hpp"),
        "schedule/b.hpp": header("lift/core/a.hpp"), "schedule/c.hpp": header("lift/schedule/b.hpp"),
        "io/d.hpp": header("lift/schedule/b.hpp", "png.h"), "io.hpp": header("lift/io/d.hpp"),
        "lift.hpp": header("lift/core/a.hpp", cpu, "lift/schedule/b.hpp", "lift/schedule/c.hpp"),
        thrust.removeprefix("lift/"): header("thrust/version.h"), "thrust.hpp": header(thrust),
        cuda.removeprefix("lift/"): header("cublas_v2.h"), "cuda.hpp": header(cuda),
        "dist/nccl/g.hpp": header("nccl.h", cuda), "nccl.hpp": header("lift/dist/nccl/g.hpp"),
        "dist/mpi/f.hpp": header("mpi.h"), "mpi.hpp": header("lift/dist/mpi/f.hpp"),
        "interop/e.hpp": header(cpu), "interop.hpp": header("lift/interop/e.hpp"),
    }
    cases = [
        ("", {}),
        ("first line", {"core/a.hpp": "#pragma once\n"}),
        ("no #pragma once", {"core/a.hpp": "// SPDX-License-Identifier: MIT\n"}),
        ("at most 400", {"core/a.hpp": header(lines=399)}),
        ("not there", {"core/a.hpp": header("lift/core/none.hpp")}),
        ("not in the folder order", {"extra/e.hpp": header()}),
        ("includes the umbrella", {"io/d.hpp": header("lift/lift.hpp")}),
        ("below core", {"core/a.hpp": header("lift/io/d.hpp")}),
        ("kernel.hpp, which is below io", {"io/d.hpp": header("lift/backend/cpu/kernel.hpp")}),
        ("does not belong in core", {"core/a.hpp": header("png.h")}),
        ("in a circle", {"schedule/b.hpp": header("lift/schedule/c.hpp")}),
        ("reaches xtensor/xarray.hpp through", {"schedule/b.hpp": header("lift/backend/cpu/kernel.hpp")}),
        ("does not include", {"lift.hpp": header("lift/core/a.hpp", cpu, "lift/schedule/b.hpp")}),
        ("should not include", {"lift.hpp": good["lift.hpp"] + "#include <lift/io/d.hpp>\n"}),
        ("its includes are not", {"lift.hpp": header("lift/schedule/b.hpp", "lift/schedule/c.hpp", "lift/core/a.hpp", cpu)}),
        ("lift/lift.hpp: should not include lift/backend/thrust/thrust_host.hpp",
         {"lift.hpp": header("lift/core/a.hpp", cpu, thrust, "lift/schedule/b.hpp", "lift/schedule/c.hpp")}),
        ("lift/lift.hpp: should not include lift/backend/cpu/kernel.hpp",
         {"lift.hpp": header("lift/core/a.hpp", "lift/backend/cpu/kernel.hpp", cpu, "lift/schedule/b.hpp",
                             "lift/schedule/c.hpp")}),
        ("lift/cuda.hpp: does not include", {"cuda.hpp": header()}),
        ("a header twice", {"lift.hpp": good["lift.hpp"] + "#include <lift/schedule/c.hpp>\n"}),
    ]
    failed = 0
    for expected, change in cases:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**good, **change}.items():
                path = pathlib.Path(folder, "lift", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            found = problems(folder)
        if expected == "" and found or not any(expected in line for line in found) and expected:
            print(f"self-test: expected {expected or 'no problem'!r}, got {found}")
            failed += 1
    print(f"self-test: {len(cases) - failed} of {len(cases)} cases as expected")
    return failed


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1], "lift").is_dir():
        sys.exit("usage: check_headers.py INCLUDE_DIR | --self-test")
    broken = problems(sys.argv[1])
    print(*broken, f"{len(broken)} broken rules", sep="\n")
    sys.exit(1 if broken else 0)
