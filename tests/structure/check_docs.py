#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the pages true: check_docs.py ROOT [LIFT], or --self-test.

For every .md file at the root of the tree, in docs/ and in tools/:
- a ```cpp or ```cmake block is cut from a file of examples/, tests/, include/ or benchmarks/: its lines
  are there in one run, whatever their common indentation; a line `// …` or `# …` skips some;
- what a relative link or a file name in `code` points to is there, inside the tree;
- a `lift COMMAND --flag VALUE` in a ```sh block, and a `--flag` in `code`, is one that
  `LIFT COMMAND --help` prints, and VALUE one of the names it lists (`a|b`, or some of them where it says
  `a|b,...`, unless also FILE or the like may stand there); without LIFT this is left out;
- no path is absolute but those of the system.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap

CODE_FOLDERS = ("examples", "tests", "include", "benchmarks")
CODE_FILES = (".hpp", ".cpp", "CMakeLists.txt")
CHECKED_BLOCKS = ("cpp", "cmake")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SKIP = re.compile(r"^\s*(?://|#) …$")
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
SPAN = re.compile(r"`([^`\n]+)`")
ABSOLUTE = re.compile(r"(?<![\w.:~/*)}\]])/(?!(?:bin|dev|etc|proc|tmp|usr)\b)[a-z]\w*/\S*")
FLAG = re.compile(r"--[a-z][\w-]*")


class Help:
    """What `lift COMMAND... --help` says, asked once for each command."""

    def __init__(self, lift):
        self.lift, self.known = lift, {}

    def of(self, words):
        """The subcommands of a command, and its flags with the names each may take (or none)."""
        if words not in self.known:
            text = subprocess.run([self.lift, *words, "--help"], capture_output=True, text=True, check=True).stdout
            text = text.split("\nExample:")[0]
            listed = text.partition("ubcommands:")[2]
            commands = re.findall(r"^  ([a-z][\w-]*)", listed, re.MULTILINE)
            flags = {}
            for names, value in re.findall(r"^  ((?:-[\w-]+,?)+)(?: ([^\s=]+))?", text, re.MULTILINE):
                flags |= dict.fromkeys(FLAG.findall(names), value.split("|") if "|" in value else [])
            self.known[words] = commands, flags
        return self.known[words]

    def all_flags(self, words=()):
        commands, flags = self.of(words)
        everything = set(flags)
        for command in commands:
            everything |= self.all_flags((*words, command))
        return everything

    def problems(self, arguments):
        """What is wrong with the arguments of one call of lift."""
        words = ()
        while arguments and not arguments[0].startswith("-") and self.of(words)[0]:
            if arguments[0] not in self.of(words)[0]:
                return [f"lift {' '.join(words)} has no command {arguments[0]}"]
            words, arguments = (*words, arguments[0]), arguments[1:]
        flags, found = self.of(words)[1], []
        for i, argument in enumerate(arguments):
            flag, _, value = argument.partition("=")
            if not FLAG.fullmatch(flag):
                continue
            value = value or (arguments[i + 1] if i + 1 < len(arguments) else "")
            if flag not in flags:
                found.append(f"lift {' '.join(words)} has no flag {flag}")
            elif flags[flag] and not any(name.isupper() for name in flags[flag]):
                lists = flags[flag][-1].endswith(",...")
                known = [name.removesuffix(",...") for name in flags[flag]]
                found += [f"lift {' '.join(words)} {flag} knows no {name}"
                          for name in (value.split(",") if lists else [value]) if name not in known]
        return found


def commands_of(block):
    """The words of each command of a shell block, comments and line ends joined."""
    for line in block.replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|;|\|", line):
            words = shlex.split(part, comments=True)
            if words:
                yield words


def is_cut_from(block, sources):
    """Whether the block's runs of lines stand in one of the sources, in their order."""
    pieces, piece = [], []
    for line in [*block.splitlines(), "// …"]:
        if SKIP.match(line):
            pieces.append(textwrap.dedent("\n".join(piece)).strip("\n").splitlines())
            piece = []
        else:
            piece.append(line)
    pieces = [p for p in pieces if p]

    def find(source, piece, start):
        for at in range(start, len(source) - len(piece) + 1):
            if source[at].strip() == piece[0].strip():
                run = textwrap.dedent("\n".join(source[at : at + len(piece)])).splitlines()
                if run == piece:
                    return at + len(piece)
        return None

    def holds(source):
        at = 0
        for piece in pieces:
            at = find(source, piece, at)
            if at is None:
                return False
        return True

    return bool(pieces) and any(holds(source) for source in sources)


def problems(root, lift=None):
    """One line for each broken rule."""
    root = pathlib.Path(root).resolve()
    sources = [p.read_text().splitlines() for folder in CODE_FOLDERS for p in sorted((root / folder).rglob("*"))
               if p.name.endswith(CODE_FILES)]
    scripts = "".join(p.read_text() for p in (root / "scripts").glob("*.sh"))
    folders = {p.name for p in root.iterdir() if p.is_dir()} - {"build", "out"}
    asked = Help(lift) if lift else None
    found = []
    for page in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("tools/**/*.md")]):
        text, name = page.read_text(), page.relative_to(root)
        prose = FENCE.sub("", text)

        def complain(what):
            found.append(f"{name}: {what}")

        for _, language, block in FENCE.findall(text):
            block = textwrap.dedent(block)
            if language in CHECKED_BLOCKS and not is_cut_from(block, sources):
                complain(f"code that is cut from no file: {block.strip().splitlines()[0] if block.strip() else ''}")
            if language != "sh":
                continue
            for words in commands_of(block):
                if words[0].startswith("./") and not (root / words[0]).is_file():
                    complain(f"no program {words[0]}")
                elif asked and pathlib.Path(words[0]).name == "lift":
                    for problem in asked.problems(words[1:]):
                        complain(problem)

        for target in filter(None, (a or b for a, b in LINK.findall(prose))):
            target = target.partition("#")[0]
            if re.match(r"[a-z]+:", target) or not target:
                continue
            place = (page.parent / target).resolve()
            if not place.is_relative_to(root) or not place.exists():
                complain(f"link to {target}, which is not there")
        for span in SPAN.findall(prose):
            if re.fullmatch(r"[\w./-]+", span) and span.partition("/")[0] in folders | {"lift"} and "/" in span:
                place = root / ("include/" + span if span.startswith("lift/") else span)
                if not place.exists():
                    complain(f"names {span}, which is not there")
            if asked and not span.startswith(("cmake", "ctest", "git")):
                for flag in FLAG.findall(span):
                    if flag not in asked.all_flags() and flag not in scripts:
                        complain(f"no command has a flag {flag}")
        for path in ABSOLUTE.findall(text):
            complain(f"absolute path {path}")
    return found


def self_test():
    """Every rule is seen to hold on a good tree and to fail on one that breaks it alone."""
    fake_lift = """#!/bin/sh
case "$*" in
  --help) printf 'Usage: lift [OPTIONS] SUBCOMMAND\\nOptions:\\n  -h,--help  Help\\nSubcommands:\\n  path  Finds\\n' ;;
  'path --help') printf 'Usage\\nOptions:\\n  --policy diagonal|dp-64=diagonal\\n  --steps UINT [50] as --other\\n  --from start|FILE=start\\n' ;;
  *) exit 1 ;;
esac
"""
    good = {
        "README.md": "```cpp\nint f() {\n  return 1;\n}\n// …\nint g();\n```\n[a](docs/a.md#b) `docs/a.md` `--steps 3`\n",
        "docs/a.md": "```sh\n# why\nlift path b.json --policy \\\n  dp-64 --steps=3 --from a.zip && ./scripts/run.sh\n```\n"
                     "[up](../README.md) [web](https://a.b/c) 1/(γ(1+γ)) `/usr/bin/x` `lift/h.hpp` `--fresh`\n",
        "include/lift/h.hpp": "namespace n {\n  int f() {\n    return 1;\n  }\n  int h();\n  int g();\n}\n",
        "scripts/run.sh": "case $1 in --fresh) ;; esac\n",
    }
    cases = [
        ("", {}),
        ("cut from no file", {"README.md": "```cpp\nint f() {\n  return 2;\n}\n```\n"}),
        ("cut from no file", {"README.md": "```cpp\nint g();\n// …\nint f() {\n```\n"}),
        ("cut from no file", {"README.md": "```cpp\nint f() {\nreturn 1;\n```\n"}),
        ("cut from no file", {"README.md": "```cpp\n```\n"}),
        ("link to b.md", {"docs/a.md": "[x](b.md)\n"}),
        ("link to b.png", {"README.md": '<img src="b.png">\n'}),
        ("link to ../../etc", {"docs/a.md": "[x](../../etc)\n"}),
        ("link to c.md", {"tools/t/README.md": "[x](c.md)\n"}),
        ("names lift/none.hpp", {"README.md": "`lift/none.hpp`\n"}),
        ("no program ./scripts/none.sh", {"README.md": "```sh\n./scripts/none.sh\n```\n"}),
        ("has no command walk", {"README.md": "```sh\nlift walk --steps 3\n```\n"}),
        ("has no flag --other", {"README.md": "```sh\nlift path --other 3\n```\n"}),
        ("has no flag --size", {"README.md": "```sh\ncd a; build/bin/lift path --steps 3 \\\n --size 3\n```\n"}),
        ("knows no dp-65", {"README.md": "```sh\nlift path --policy dp-65\n```\n"}),
        ("no command has a flag --eta", {"README.md": "`--eta 1`\n"}),
        ("absolute path", {"README.md": "see /some/place\n"}),
    ]
    failed = 0
    for expected, change in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "tree")
            for name, text in {**good, **change}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            lift = pathlib.Path(folder, "lift")
            lift.write_text(fake_lift)
            lift.chmod(0o755)
            found = problems(root, str(lift))
        if (expected == "" and found) or (expected and [expected in line for line in found] != [True]):
            print(f"self-test: expected {expected or 'no problem'!r}, got {found}")
            failed += 1
    print(f"self-test: {len(cases) - failed} of {len(cases)} cases as expected")
    return failed


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    if len(sys.argv) not in (2, 3) or not pathlib.Path(sys.argv[1], "README.md").is_file():
        sys.exit("usage: check_docs.py ROOT [LIFT] | --self-test")
    if len(sys.argv) == 2:
        print("the lift command is not built: its commands and flags are not checked")
    broken = problems(*sys.argv[1:])
    print(*broken, f"{len(broken)} broken rules", sep="\n")
    sys.exit(1 if broken else 0)
