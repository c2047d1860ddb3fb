#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# faults.sh MPIEXEC WORKER: a rank that fails in any way ends the job on all ranks in time, with one message.
set -euo pipefail
mpiexec=$1 worker=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMPI_MCA_btl_vader_backing_directory="$folder"  # where a killed job's shared memory does not stay
# A name of its own, so that nothing else passes for a process that was left.
ln -s "$worker" "$folder/worker"

fail() {
  echo "$*" >&2
  sed 's/^/  /' "$folder/said" >&2
  exit 1
}

# run CODE FAULT RANK [WORDS]: the job's exit code, or any for "bad"; WORDS in exactly one line of what is said.
run() {
  local want=$1 fault=$2 rank=$3 words=${4-} code=0 start=$SECONDS
  timeout -k 5 60 "$mpiexec" -n 3 --oversubscribe "$folder/worker" 5 "$fault" "$rank" >"$folder/said" 2>&1 || code=$?
  if [[ $want == bad ]]; then
    ((code != 0 && code < 124)) || [[ $code == 137 ]] || fail "$fault of rank $rank: exit code $code"
  else
    [[ $code == "$want" ]] || fail "$fault of rank $rank: exit code $code, want $want"
  fi
  ((SECONDS - start <= 20)) || fail "$fault of rank $rank: took $((SECONDS - start)) s"
  if [[ -n $words ]]; then
    [[ $(grep -c -- "$words" "$folder/said") == 1 ]] || fail "$fault of rank $rank: want one line with: $words"
  fi
  ! pgrep -f "$folder/worker" >/dev/null || fail "$fault of rank $rank: a process is left"
}

run 0 none 0 '^done$'
run 0 late 1 '^done$'
run 7 abort 0 '^lift: the images are gone\\x1b\[31m$'
run 7 abort 2 '^lift: rank 2 (process [0-9]* on .*): the images are gone\\x1b\[31m$'
run 7 abort all '^lift: the images are gone\\x1b\[31m$'
run 1 throw 1 '^lift: rank 1 (process [0-9]* on .*): an exception left the part of the program'
run 1 stop 1 '^lift: rank 1 (process [0-9]* on .*): has not answered for [0-9.]* s$'
run 1 stop 0 '^lift: rank 0 (process [0-9]* on .*): has not answered for [0-9.]* s$'
run bad kill 2 'signal 9'
run bad exit 1
