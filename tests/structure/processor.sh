#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# processor.sh COMPILER CLI_DIR: a program that was compiled for extensions which no processor has all of ends with one
# line before its own initialisers run; one compiled for what this processor has runs.
set -euo pipefail
compiler=$1 cli=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

[[ $(uname -m) == x86_64 ]] || { echo "not on x86-64: nothing to test"; exit 77; }
cat >main.cpp <<'CPP'
#include <cstdio>
const int early = std::puts("an initialiser ran");
int main() {}
CPP
# build NAME [option...]: the program with those options, but the check, as the command's engine is built.
build() {
  "$compiler" -std=c++20 -c -O2 -march=x86-64 "$cli/processor_check.cpp" -o check.o
  "$compiler" -std=c++20 -c -O2 "${@:2}" "$cli/compiled_for.cpp" -o compiled_for.o
  "$compiler" -O2 "${@:2}" main.cpp check.o compiled_for.o -o "$1"
}
die() {
  echo "FAILED: $*" >&2
  exit 1
}

for processor in x86-64 native; do
  build runs -march=$processor
  [[ $(./runs) == "an initialiser ran" ]] || die "for $processor it does not run here"
done
# AMD had XOP, FMA4 and TBM until 2017, and no processor had 512-bit registers beside them.
build lacks -D__XOP__ -D__FMA4__ -D__TBM__ -D__AVX512BF16__
code=0
./lacks >out 2>err || code=$?
[[ $code == 1 ]] || die "exit code $code, want 1"
[[ ! -s out && $(wc -l <err) == 1 ]] || die "not one line: $(cat out err)"
grep -Eq '^lift: compiled for processors that have ([a-z0-9]+, )*(tbm|avx512bf16), which this one lacks; .*-DLIFT_NATIVE=OFF would run here$' err ||
  die "$(cat err)"
# The check itself asks nothing of the processor: no register that level 1 lacks.
if objdump -d check.o | grep -E '%[yz]mm|\bv[a-z]+(ps|pd|dq[au]?)\b'; then die "instructions of a newer processor"; fi
if objdump -d compiled_for.o | grep -E '^ +[0-9a-f]+:'; then die "the constants hold instructions"; fi
