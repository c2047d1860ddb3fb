#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kills.sh LIFT MPIEXEC [KILLS]: a training of two ranks that is killed again and again, all of the job or one of its
# ranks, leaves nothing running and comes to the same bytes as one that is not.
mpiexec=$2
kills=${3:-4}
source "$(dirname "${BASH_SOURCE[0]}")/../../cli/common.bash"
export OMPI_MCA_btl_vader_backing_directory="$scratch"  # where a killed job's shared memory does not stay

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 30 --quiet
train=(train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 12 --ema 0.9 --epochs $((10 * kills)) --grad-accum 4
  --sample-every $((10 * kills)) --sample-images 4 --sample-steps 2 --save-every 1 --quiet)

ranks() { timeout -k 5 120 "$mpiexec" -n 2 --oversubscribe "$lift" "$@"; }
running() { pgrep -f "^$lift train .*--outdir killed"; }

works "$lift" "${train[@]}" --outdir whole
works ranks "${train[@]}" --steps 2 --outdir first  # so the launcher works
for ((kill = 0; kill < kills; ++kill)); do
  flag=()
  [[ -d killed ]] && flag=(--resume)
  ranks "${train[@]}" --outdir killed "${flag[@]}" >/dev/null 2>&1 &
  sleep "$((3 + RANDOM % 13))e-1"  # also before it has begun
  if ((kill % 2)); then
    pkill -KILL -f "$lift train .*--outdir killed" || true
  else
    victims=($(running || true))
    ((${#victims[@]} == 0)) || kill -KILL "${victims[RANDOM % ${#victims[@]}]}" || true
  fi
  wait $! || true
  for ((tries = 0; tries < 50; ++tries)); do
    running >/dev/null || break
    sleep 0.1
  done
  ((tries < 50)) || die "a rank is left after kill $kill"
  ls killed/checkpoint_*.safetensors >/dev/null 2>&1 || rm -rf killed  # killed before it began
done
echo "killed $kills times, the last at $(ls killed/checkpoint_*.safetensors 2>/dev/null | tail -1)"
flag=()
[[ -d killed ]] && flag=(--resume)
works ranks "${train[@]}" --outdir killed "${flag[@]}"
for file in whole/*.safetensors whole/{config.json,stats.jsonl} whole/samples/*; do
  cmp "$file" "killed/${file#whole/}" || die "another ${file#whole/}"
done
