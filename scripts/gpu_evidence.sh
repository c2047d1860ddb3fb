#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu_evidence.sh [build] [test] [sanitize] [compare] [train DATA]: what a machine with a CUDA device has to show,
# all of it unless parts are named:
#   build     the CUDA tests, the benchmark of the backends and the `lift` command, in build/release
#   test      every CUDA test, none of them skipped
#   sanitize  the same tests under compute-sanitizer's memcheck and racecheck, where it is installed
#   compare   LIFT against PyTorch on this device; rows go to benchmarks/results/gpu.json
#   train     LIFT (independent timesteps) and the baseline at full size on a zip of 64×64 images, for TRAIN_SECONDS
#             each (default 240): checkpoints, loss curves and sample grids in out/gpu
# The programs are looked for in BINARIES (default build/release/bin), so that a machine without compilers can run
# what another has built. PYTHON names an interpreter that has PyTorch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
binaries=${BINARIES:-build/release/bin}
python=${PYTHON:-python3}
seconds=${TRAIN_SECONDS:-240}

parts=() data=
while (($#)); do
  case $1 in
    build | test | sanitize | compare) parts+=("$1") ;;
    train)
      [[ -f ${2-} ]] || { echo "$0: train: got \"${2-}\", want a zip of images" >&2; exit 2; }
      parts+=(train) data=$2
      shift
      ;;
    *) echo "usage: $0 [build] [test] [sanitize] [compare] [train DATA.zip]" >&2; exit 2 ;;
  esac
  shift
done
((${#parts[@]})) || parts=(build test sanitize compare)
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader ||
  { echo "$0: no CUDA device: nvidia-smi fails" >&2; exit 1; }
tests=(verbs derivatives group_norm same_numbers)

run_tests() {  # run_tests [prefix of the command...]
  for test in "${tests[@]}"; do
    echo "== $* $test (${SECONDS} s)"
    "$@" "$binaries/test_cuda_$test"
  done
}

for part in "${parts[@]}"; do
  echo "== $part (${SECONDS} s)"
  case $part in
    build)
      cmake --preset release -DLIFT_CUDA=ON
      cmake --build --preset release -j "$(nproc)" --target benchmark_backends lift_cli \
        "${tests[@]/#/test_cuda_}"
      ;;
    test) run_tests ;;
    sanitize)
      if ! command -v compute-sanitizer >/dev/null; then
        echo "compute-sanitizer is not installed: left out"
        continue
      fi
      for tool in memcheck racecheck; do
        run_tests compute-sanitizer --tool "$tool" --error-exitcode 1
      done
      ;;
    compare)
      "$python" benchmarks/compare_gpu.py --binaries "$binaries" --python "$python" \
        --out benchmarks/results/gpu.json
      ;;
    train)
      for model in lift baseline; do
        out=out/gpu/$model
        "$binaries/lift" train --backend cuda-tf32 --model "$model" --data "$data" \
          --outdir "$out" --overwrite --size 64 --batch-size 64 --epochs 100 --ema 0.999 \
          --time-limit "$seconds" --save-every 0 --sample-every 2 --keep 1
        "$python" - "$out/stats.jsonl" <<'PYTHON'
import json, sys
steps = [json.loads(line) for line in open(sys.argv[1])]
last = [s["loss"] for s in steps[-100:]]
print(f"{sys.argv[1]}: {len(steps)} steps, {steps[-1]['epoch'] + 1} epochs begun, mean loss of "
      f"the last {len(last)} steps {sum(last) / len(last):.4f}")
PYTHON
      done
      ;;
  esac
done
echo "== done (${SECONDS} s)"
