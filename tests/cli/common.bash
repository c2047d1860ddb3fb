# SPDX-License-Identifier: MIT
# Shared by the tests of the `lift` command, whose path is their first argument. They run in a
# scratch folder that vanishes with them.
set -euo pipefail

lift=$(realpath "$1")
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
mkdir "$scratch/work"
cd "$scratch/work"

die() {
  echo "FAILED: $*" >&2
  sed 's/^/  stderr: /' "$scratch/err" >&2 || true
  exit 1
}

# works COMMAND...: it exits with 0. Its output is in $scratch/out and $scratch/err.
works() {
  "$@" >"$scratch/out" 2>"$scratch/err" || die "exit code $? of: $*"
}

# fails CODE PATTERN COMMAND...: it exits with CODE, says one line that begins with "lift: " and
# matches PATTERN, prints nothing else, and leaves all files as they were.
fails() {
  local code=$1 pattern=$2 got=0 before
  shift 2
  before=$(find . | sort)
  "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
  [[ $got == "$code" ]] || die "exit code $got, want $code, of: $*"
  [[ $(wc -l <"$scratch/err") == 1 ]] || die "not one line from: $*"
  grep -q "^lift: " "$scratch/err" || die "no 'lift: ' from: $*"
  grep -Eq -- "$pattern" "$scratch/err" || die "no match of '$pattern' from: $*"
  [[ ! -s $scratch/out ]] || die "something on standard output from: $*"
  [[ $(find . | sort) == "$before" ]] || die "files left or lost by: $*"
}

# says PATTERN: the last output holds it.
says() {
  grep -Eq -- "$1" "$scratch/out" || die "no match of '$1' in: $(cat "$scratch/out")"
}

# json EXPRESSION: the last output is one JSON object, of which the Python expression on `j` holds.
json() {
  python3 -c 'import json, sys; j = json.load(open(sys.argv[1])); assert eval(sys.argv[2]), j' \
    "$scratch/out" "$1" || die "JSON: $1"
}
