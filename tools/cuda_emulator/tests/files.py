#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What ptx_to_cpp.py makes of files that are not as it wants them: files.py TRANSLATOR"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TRANSLATOR = ""
HEADER = ".version 8.0\n.target sm_90\n.address_size 64\n"
KERNEL = ".visible .entry k(.param .u32 a) { .reg .b32 %a; ld.param.u32 %a, [a]; ret; }\n"


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = pathlib.Path(folder.name, "program")
        self.out = pathlib.Path(folder.name, "out.cpp")

    def run_translator(self, *arguments):
        command = [sys.executable, TRANSLATOR, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def translated(self, content):
        """The C++ of a file that is translated, silently."""
        self.program.write_bytes(content if isinstance(content, bytes) else content.encode())
        done = self.run_translator(self.program, self.out)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        return self.out.read_text()

    def assert_refused(self, arguments, *words):
        """One line that has the words, status 1 and no output."""
        self.out.unlink(missing_ok=True)
        done = self.run_translator(*arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(self.out.exists())

    def assert_no_kernels(self, content):
        self.program.write_bytes(content)
        self.assert_refused([self.program, self.out], str(self.program), "no kernels in uncompressed PTX")

    def assert_fails_at_launch(self, content, why):
        self.assertIn(f'fail("k", "{why} is not translated")', self.translated(content))

    def test_arguments(self):
        for arguments in [], [self.program], [self.program, self.out, self.out]:
            self.assert_refused(arguments, "usage: ", "PROGRAM OUT.cpp")

    def test_program_that_cannot_be_read(self):
        self.assert_refused([self.program, self.out], str(self.program), "No such file")
        self.assert_refused([self.program.parent, self.out], "Is a directory")

    def test_output_that_cannot_be_written(self):
        self.program.write_text(HEADER + KERNEL)
        self.assert_refused([self.program, self.out / "x"], str(self.out), "No such file")

    def test_no_ptx(self):
        self.assert_no_kernels(b"")
        self.assert_no_kernels(b"\x7fELF" + bytes(range(256)) * 40)
        self.assert_no_kernels(KERNEL.encode())  # no header
        self.assert_no_kernels(HEADER.encode())
        self.assert_no_kernels((HEADER + ".visible .func f() { ret; }").encode())
        self.assert_no_kernels((HEADER + ".extern .entry k();").encode())
        self.assert_no_kernels((HEADER + "// " + KERNEL).encode())

    def test_ptx_among_other_bytes(self):
        """As in an ELF file: each module up to a byte of zero, and a name's first kernel."""
        module = (HEADER + KERNEL).encode()
        other = module.replace(b"k(", b"other(")
        text = self.translated(b"\x7fELF\0\xff" + module + b"\0\xfe\0" + other + b"\0" + module + b"\0")
        self.assertIn("emulator_kernel_count = 2;", text)

    def test_cut_short(self):
        for end in "{ .reg .b32 %a; ret;", "{ { ret; }", "{":
            self.assert_fails_at_launch(f"{HEADER}.visible .entry k() {end}", "a body without an end")
        whole = HEADER + ".visible .entry first() { ret; }\n.visible .entry k() {"
        self.assertIn("run_kernel<kernel0>", self.translated(whole))

    def test_bytes_that_are_not_text(self):
        self.assert_fails_at_launch(HEADER.encode() + b".visible .entry k() { \xff\xfe\x80; ret; }",
                                    r"\ufffd\ufffd\ufffd")
        self.assert_no_kernels(HEADER.encode() + b".visible .entry \xff() { ret; }")

    def test_text_that_would_be_cpp(self):
        self.assert_fails_at_launch(HEADER + '.visible .entry k() { x\\"); abort(); ret; }', r"x\\\")")
        body = "{ .reg .b32 %int; int: mov.u32 %int, 1; bra int; }"
        text = self.translated(f"{HEADER}.visible .entry $for() {body}")
        self.assertIn("goto at_int;", text)
        self.assertNotIn("b32 int;", text)
        text = self.translated(HEADER + ".global .b32 x[1] = {abort()};\n" + KERNEL)
        self.assertNotIn("abort", text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    TRANSLATOR = sys.argv.pop()
    unittest.main()
