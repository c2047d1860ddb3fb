# SPDX-License-Identifier: MIT
# The machine that a command runs on: how many threads it uses, and a processor that it is not for.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output data.zip --size 16 --max-images 4

# environment EXPRESSION COMMAND...: a short run by `COMMAND lift`; the Python expression on `j`, its env.json, holds.
environment() {
  works "${@:2}" "$lift" train --data data.zip --outdir run --overwrite --size 16 --hidden-dims 8 --batch-size 2 \
    --steps 1 --sample-every 0 --quiet $flags
  cp run/env.json "$scratch/out"
  json "$1"
}
unset OMP_NUM_THREADS
flags=
cpu=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
environment "1 <= j['threads'] <= $(nproc)" env
environment "j['threads'] == 1" taskset -c "$cpu"
environment "j['threads'] == 1" env OMP_NUM_THREADS=1,4
environment "1 <= j['threads'] <= $(nproc)" env OMP_NUM_THREADS=many
flags="--threads 3"
environment "j['threads'] == 3" env OMP_NUM_THREADS=1 taskset -c "$cpu"
environment "j['compiled_for'] in ('native', 'OFF', 'x86-64-v2', 'x86-64-v3', 'x86-64-v4')" env

# Nothing in it starts threads of OpenMP beside those that it is given.
works env OMP_NUM_THREADS=3 OMP_DISPLAY_AFFINITY=TRUE OMP_AFFINITY_FORMAT="a thread of OpenMP" \
  "$lift" measure frechet --data data.zip --against data.zip --size 16 --threads 1
! grep -h "a thread of OpenMP" "$scratch/out" "$scratch/err" || die "threads of OpenMP"

# A processor of 2008. Sanitizers want more than an emulator of it gives.
if ! command -v qemu-x86_64 >/dev/null || grep -Eq '__[at]san_init' "$lift"; then
  echo "no emulator of another processor: left out"
elif grep -q '"compiled_for": *"native"' run/env.json; then
  fails 1 'avx2.* which this one lacks; .*-DLIFT_NATIVE=OFF ' qemu-x86_64 -cpu Nehalem "$lift" --version
else
  works qemu-x86_64 -cpu Nehalem "$lift" --version
fi
