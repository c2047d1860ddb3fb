#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# levels.sh LIFT BENCHMARK BUILD: programs whose CPU backend is a library for each level of x86-64 take the best that the
# processor runs, on this machine and on emulated ones; the plainest is not asked for more than it has.
source "$(dirname "${BASH_SOURCE[0]}")/../cli/common.bash"
benchmark=$2 build=$3
libraries=$(realpath "$build"/lib*/lift) || libraries=$(realpath "$build"/lib/*/lift)

works "$lift" dataset emoji --output data.zip --size 16 --max-images 8

# emulated PROCESSOR COMMAND...: without the emulator's own warnings.
emulated() {
  { qemu-x86_64 -cpu "$@" 2>&1 >&3 | sed '/^qemu-x86_64: warning: /d' >&2; } 3>&1
}
# level_of COMMAND...: what `lift --version` says when it is run by COMMAND.
level_of() {
  "$@" "$lift" --version 2>/dev/null | sed -nE 's/^lift [0-9.]+ \(([^,]*), .*/\1/p'
}
# job LEVEL COMMAND...: run by COMMAND, the command takes that level, and trains, samples and fails in it; the loss of
# the training is the same for all levels but for rounding.
job() {
  local level=$1
  shift
  [[ $(level_of "$@") == "$level" ]] || die "$*: took $(level_of "$@"), want $level"
  works "$@" "$lift" train --data data.zip --outdir run --overwrite --size 16 --hidden-dims 8,16 --batch-size 4 \
    --steps 2 --sample-every 0 --quiet
  grep -Eq "\"compiled_for\": *\"$level\"" run/env.json || die "$*: env.json does not say $level"
  works "$@" "$lift" generate --checkpoint run --num-images 2 --steps 2 --outdir images --overwrite --quiet
  fails 1 'batch size' "$@" "$lift" train --data data.zip --outdir none --size 16 --hidden-dims 8 --batch-size 16 \
    --steps 2 --quiet
  tail -n 1 run/stats.jsonl | python3 -c '
import json, math, os, sys
loss = json.load(sys.stdin)["loss"]
if os.path.exists("loss"):
    want = float(open("loss").read())
    assert math.isclose(loss, want, rel_tol=1e-4), (loss, want)
else:
    open("loss", "w").write(str(loss))' || die "$*: another loss"
  works "$@" "$benchmark" --backends xtensor --work copy/1 --seconds 0.001
  echo "$level: $*"
}

best=$(/lib64/ld-linux-x86-64.so.2 --help | sed -nE 's/^ *(x86-64-v[0-9]) \(supported, searched\)$/\1/p' | head -n 1)
plainest=$(level_of emulated Nehalem)
[[ $plainest == x86-64-v2 ]] || die "the plainest level is \"$plainest\", want x86-64-v2"
job "${best:-x86-64-v2}" env
job x86-64-v2 emulated Nehalem
job x86-64-v3 emulated Haswell
fails 1 'sse4.2.* which this one lacks; .*-DLIFT_NATIVE=OFF ' emulated Conroe "$lift" --version

# What each library shows: its entry, and the flag that stops work.
for library in "$libraries"/{,glibc-hwcaps/*/}lib*.so; do
  seen=$(nm -DC --defined-only "$library" | sed 's/^[0-9a-f]* . //' | sort | tr '\n' ';')
  [[ $seen =~ ^lift::(cli::xtensor_engine\(char const\*\)|bench::xtensor_work\(\))\;(lift::stoppable::flag_\;)?$ ]] ||
    die "$library shows $seen"
done

# Instructions that level 2 lacks; an old processor takes tzcnt for bsf, and xgetbv is asked for where it is there.
newer='(v[a-z]{2}[a-z0-9]*|andn|bextr|bls[a-z]*|bzhi|lzcnt|mulx|pdep|pext|rorx|sarx|shlx|shrx|movbe)[ql]?'
for program in "$lift" "$benchmark" "$libraries"/lib*.so; do
  found=$(objdump -d --no-show-raw-insn "$program" | grep -E "^ +[0-9a-f]+:	($newer |.*%[yz]mm)" | head -n 3 || true)
  [[ -z $found ]] || die "$program has instructions of a newer processor: $found"
done
# The search finds some where there are any.
objdump -d --no-show-raw-insn "$libraries"/glibc-hwcaps/x86-64-v3/liblift_engine.so |
  grep -E "^ +[0-9a-f]+:	$newer " >/dev/null || die "no instruction of level 3 in its library"

# Installed and moved, it finds its libraries.
works cmake --install "$build" --prefix "$PWD/there"
mv there here
lift=$PWD/here/bin/lift
job "${best:-x86-64-v2}" env
job x86-64-v3 emulated Haswell
