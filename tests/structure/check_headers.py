#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the shape of include/lift: check_headers.py INCLUDE_DIR, or --self-test.

A folder includes only itself and those before it; no header includes itself in a circle; third-party
headers stay in the folders that own them; every header has its licence line, #pragma once, at most
400 lines, and is listed by exactly one umbrella.
"""
import pathlib
import re
import sys
import tempfile

ORDER = ("core backend op ad schedule pyramid nn model analysis path sample dist train metric io plot pipeline interop").split()
UMBRELLAS = {"lift.hpp": ORDER[: ORDER.index("io")], "io.hpp": ["io", "plot", "pipeline"],
             "interop.hpp": ["interop"],
             "thrust.hpp": ["backend"], "cuda.hpp": ["backend"]}
STANDARD_ONLY = ("schedule", "path")
THIRD_PARTY = {
    "backend": r"xtensor|xsimd/|xflens/|thrust/|cuda_runtime_api\.h|cublas_v2\.h|cudnn\.h",
    "metric": r"Eigen/",
    "io": r"png\.h|j(peglib|error)\.h|gif_lib\.h|webp/|archive|ft2build\.h|freetype|nlohmann/",
    "plot": r"nlohmann/",
    "interop": r"xtensor/|Eigen/",
}
POSIX = r"(unistd|fcntl|sched|signal|spawn|stdlib|sys/\w+)\.h"
LINES = 400
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def umbrella_of(header):
    """Headers that only the components thrust and cuda can compile have umbrellas of their own."""
    _, folder, name = header.split("/")
    if folder == "backend":
        if name.startswith(("cuda_", "cudnn_", "block_team")):
            return "cuda.hpp"
        if name.startswith("thrust_"):
            return "thrust.hpp"
    return next(umbrella for umbrella, folders in UMBRELLAS.items() if folder in folders)


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
        folder = name.split("/")[1]
        if folder not in ORDER:
            found.append(f"{name}: folder {folder} is not in the folder order")
            continue
        for include in own(name):
            if include.count("/") < 2:
                found.append(f"{name}: includes the umbrella {include}")
            elif include.split("/")[1] not in ORDER[: ORDER.index(folder) + 1]:
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
        wanted = [n for n in headers if n.split("/")[1] in folders and umbrella_of(n) == umbrella]
        found += [f"lift/{umbrella}: does not include {n}" for n in wanted if n not in listed]
        found += [f"lift/{umbrella}: should not include {n}" for n in listed if n not in wanted]
        places = [ORDER.index(n.split("/")[1]) for n in listed if n in wanted]
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

    good = {
        "core/a.hpp": header("vector", "unistd.h"), "backend/tensor.hpp": header("xtensor/xarray.hpp"),
        "schedule/b.hpp": header("lift/core/a.hpp"), "schedule/c.hpp": header("lift/schedule/b.hpp"),
        "io/d.hpp": header("lift/schedule/b.hpp", "png.h"), "io.hpp": header("lift/io/d.hpp"),
        "lift.hpp": header("lift/core/a.hpp", "lift/backend/tensor.hpp", "lift/schedule/b.hpp", "lift/schedule/c.hpp"),
        "backend/thrust_f.hpp": header("thrust/version.h"), "thrust.hpp": header("lift/backend/thrust_f.hpp"),
        "backend/cuda_g.hpp": header("cublas_v2.h"), "cuda.hpp": header("lift/backend/cuda_g.hpp"),
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
        ("does not belong in core", {"core/a.hpp": header("png.h")}),
        ("in a circle", {"schedule/b.hpp": header("lift/schedule/c.hpp")}),
        ("reaches xtensor/xarray.hpp through", {"schedule/b.hpp": header("lift/backend/tensor.hpp")}),
        ("does not include", {"lift.hpp": header("lift/core/a.hpp", "lift/backend/tensor.hpp", "lift/schedule/b.hpp")}),
        ("should not include", {"lift.hpp": good["lift.hpp"] + "#include <lift/io/d.hpp>\n"}),
        ("its includes are not", {"lift.hpp": header("lift/schedule/b.hpp", "lift/schedule/c.hpp", "lift/core/a.hpp",
                                                      "lift/backend/tensor.hpp")}),
        ("lift/lift.hpp: should not include lift/backend/thrust_f.hpp",
         {"lift.hpp": header("lift/core/a.hpp", "lift/backend/tensor.hpp", "lift/backend/thrust_f.hpp",
                             "lift/schedule/b.hpp", "lift/schedule/c.hpp")}),
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
