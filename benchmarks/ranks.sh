#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ranks.sh LIFT WORKER [RATE...]: how long a training step takes on one rank, two and four, on this machine, and on two joined by
# a cable of each rate (network namespaces; want root), beside the model of docs/many_machines.md. LIFT is the command,
# WORKER the program mpi_worker of the tests. A rank has one thread and 16 images of 32×32 pixels; seconds. More ranks than
# processors take turns, which the model counts.
set -euo pipefail
lift=$(realpath "$1") worker=$(realpath "$2")
rates=("${@:3}")
((${#rates[@]})) || rates=(2000mbit 1000mbit 500mbit 250mbit)
mpiexec=mpirun
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
source "$(dirname "${BASH_SOURCE[0]}")/../tests/dist/mpi/two_machines.bash"

"$lift" dataset emoji --output "$folder/emoji.zip" --size 32 --max-images 200 --quiet
# step BATCH LAUNCHER...: of a training by the launcher, from the difference of a long and a short one; and the number of
# the network's parameters.
step() {
  local batch=$1 taken=()
  shift
  for steps in 10 40; do
    "$@" "$lift" train --data "$folder/emoji.zip" --size 32 --hidden-dims 24,48,96 --attention-levels 2 \
      --batch-size "$batch" --steps $steps --epochs 100 --sample-every 0 --save-every 0 --threads 1 --quiet --json \
      --overwrite --outdir "$folder/run" >"$folder/out" 2>"$folder/err" || { cat "$folder/err" >&2; exit 1; }
    taken+=("$(sed -n 's/.*"seconds": \([0-9.e-]*\).*/\1/p' "$folder/out")")
  done
  awk -v a="${taken[0]}" -v b="${taken[1]}" 'BEGIN {printf "%s ", (b - a) / 30}'
  sed -n 's/.*"parameters": \([0-9]*\).*/\1/p' "$folder/out"
}
# compared NAME RANKS SECONDS_OF_A_SUM LAUNCHER...
compared() {
  local name=$1 ranks=$2 sum=$3 all
  shift 3
  read -r all _ <<<"$(step $((16 * ranks)) "$@")"
  awk -v name="$name" -v alone="$one" -v sum="$sum" -v all="$all" -v bytes="$((parameters * 4))" \
    -v turns="$(((ranks + $(nproc) - 1) / $(nproc)))" 'BEGIN {
    one = turns * alone
    backward = 2 / 3 * one  # of a step
    last = sum * (4 * 2^18 < bytes ? 4 * 2^18 / bytes : 1)  # bucket
    model = one - backward + (sum - last > backward ? sum - last : backward) + last
    printf "| %s | %.3f | %.3f | %.3f | %.3f | %.2f |\n", name, sum, one + sum, model, all, alone / all}'
}

read -r one parameters <<<"$(step 16 env)"
echo "One rank, 16 images: $one s a step, $parameters parameters"
echo "| ranks of 16 images | sum alone | step and then the sum | model | measured | efficiency |"
echo "|---|---|---|---|---|---|"
for ranks in 2 4; do
  compared "$ranks, shared memory" $ranks "$("$mpiexec" --oversubscribe -n $ranks "$worker" 60 time "$parameters")" \
    "$mpiexec" --oversubscribe -n $ranks
done
for rate in "${rates[@]}"; do
  limit_cable "$rate"
  compared "2, $rate" 2 "$(both "$worker" 60 time "$parameters")" both
done
