#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# two_machines.sh MPIEXEC TESTS WORKER [LIFT]: ranks on two machines (two_machines.bash): the tests of the communicator, a
# training, and what happens where the cable is cut. Skipped (77) where there can be no such machines.
set -euo pipefail
mpiexec=$1 tests=$2 worker=$3 lift=${4-}
source "$(dirname "${BASH_SOURCE[0]}")/two_machines.bash"

fail() {
  echo "$*" >&2
  sed 's/^/  /' "$folder/said" >&2
  exit 1
}

both "$tests" >"$folder/said" 2>&1 || fail "the tests of the communicator"
both hostname | sort | tr '\n' ' ' | grep -qx "$here $there " || fail "not on two machines"

if [[ -n $lift ]]; then
  cd "$folder"
  "$lift" dataset emoji --output emoji.zip --size 16 --max-images 24 --quiet
  train=(train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --grad-accum 2 --epochs 2 --sample-every 0 --quiet)
  "$lift" "${train[@]}" --outdir one
  both "$lift" "${train[@]}" --outdir two >said 2>&1 || fail "a training"
  cmp one/checkpoint_00000006.safetensors two/checkpoint_00000006.safetensors || fail "another network"
fi

# The cable is cut: both ranks end within the time, and rank 0 says who is missing. (mpirun itself would wait for longer.)
ln -s "$worker" "$folder/worker"
both "$folder/worker" 5 cut 1 >"$folder/said" 2>&1 &
job=$!
left() { pgrep -f "^$folder/worker 5" >/dev/null; }
for ((tries = 0; tries < 100; ++tries)); do
  grep -q '^cut now$' "$folder/said" && break
  sleep 0.1
done
((tries < 100)) || fail "the ranks did not begin"
cut_cable
for ((tries = 0; tries < 100; ++tries)); do
  left || break
  sleep 0.1
done
((tries < 100)) || fail "a rank is left where the cable was cut"
grep -q "^lift: rank 1 (process [0-9]* on $there): has not answered for [0-9.]* s" "$folder/said" ||
  fail "not said who is missing"
