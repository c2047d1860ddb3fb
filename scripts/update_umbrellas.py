#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes include/lift/lift.hpp and io.hpp anew from the headers that are there, in folder order."""
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tests/structure"))
sys.dont_write_bytecode = True
from check_headers import UMBRELLAS  # noqa: E402

ABOUT = {
    "lift.hpp": "// All of LIFT but files and figures, in the order of the data flow.",
    "io.hpp": "// Files and figures: what needs image codecs, archives, glyphs and JSON.",
}
for umbrella, folders in UMBRELLAS.items():
    lines = ["// SPDX-License-Identifier: MIT", "#pragma once", "", ABOUT[umbrella]]
    for folder in folders:
        headers = sorted((root / "include/lift" / folder).glob("*.hpp"))
        if headers:
            lines += [""] + [f"#include <lift/{folder}/{h.name}>" for h in headers]
    (root / "include/lift" / umbrella).write_text("\n".join(lines) + "\n")
