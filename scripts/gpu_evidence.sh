#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu_evidence.sh [build] [bundle DIR] [test] [sanitize] [compare] [command] [profile] [train DATA]: what a machine with
# a CUDA device has to show; build, test, sanitize, compare, command and profile unless parts are named. From a bundle,
# `BINARIES=DIR gpu_evidence.sh test compare command profile` takes nine minutes at most and builds nothing:
#   build     the CUDA tests, the benchmark of the backends and the `lift` command, in build/gpu, for any processor;
#             on Debian installs what that needs beside CUDA
#   bundle    copies them to DIR with the libraries they need beside CUDA's and a zip of images, for a machine that
#             cannot build, and packs DIR.tar.xz
#   test      every CUDA test, none of them skipped
#   sanitize  the same tests under compute-sanitizer's memcheck, and all but same_numbers under racecheck, where it is
#             installed
#   compare   LIFT against PyTorch on this device; rows go to RESULTS/gpu.json, to those that are there. COMPARE_OPTIONS
#             are more options of benchmarks/compare_gpu.py, such as --only; COMPARE_MINUTES (default 5) its limit
#   command   `lift train` and `lift generate` with the full-size network, from start to end; the times go to
#             RESULTS/gpu_command.txt
#   profile   what each kernel takes of a forward pass and of a training step of 64 images, by Nsight Compute where it is
#             installed, to RESULTS/gpu_kernels.txt
#   train     LIFT (independent timesteps) and the baseline at full size on a zip of 64×64 images, for TRAIN_SECONDS
#             each (default 200): checkpoints in out/gpu, loss curves and sample grids in RESULTS/gpu too
# build and bundle need no device. The others look for programs in BINARIES (default build/gpu/bin), which find a
# bundle's libraries beside them and CUDA's (cuBLAS, cuDNN) where the machine has them or Python's packages do. PYTHON
# names an interpreter that has PyTorch, RESULTS a folder (default benchmarks/results), where the engines of cuDNN that
# were chosen are kept too. BACKENDS, such as "xtensor", tries compare and command out without a device, on images of
# one batch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
binaries=${BINARIES:-build/gpu/bin}
python=${PYTHON:-python3}
seconds=${TRAIN_SECONDS:-200}
results=${RESULTS:-benchmarks/results}
backends=${BACKENDS-}  # without a device

tests=(verbs derivatives group_norm cudnn recorded_work bf16 same_numbers)
programs=("${tests[@]/#/test_cuda_}" benchmark_backends lift)

parts=() data='' folder=''
while (($#)); do
  case $1 in
    build | test | sanitize | compare | command | profile) parts+=("$1") ;;
    bundle)
      [[ -n ${2-} ]] || { echo "$0: bundle: want a folder" >&2; exit 2; }
      parts+=(bundle) folder=$2
      shift
      ;;
    train)
      [[ -f ${2-} ]] || { echo "$0: train: got \"${2-}\", want a zip of images" >&2; exit 2; }
      parts+=(train) data=$2
      shift
      ;;
    *)
      echo "usage: $0 [build] [bundle DIR] [test] [sanitize] [compare] [command] [profile] [train DATA.zip]" >&2
      exit 2
      ;;
  esac
  shift
done
((${#parts[@]})) || parts=(build test sanitize compare command profile)

# CUDA's libraries, for programs that were built where they lie elsewhere; after those that are asked for.
need_libraries() {
  local packages
  mkdir -p "$results"
  export LIFT_CUDNN_CHOICES=$results/gpu_cudnn_choices.txt
  packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' 2>/dev/null || true)
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$packages/nvidia/cudnn/lib:$packages/nvidia/cu13/lib:/usr/local/cuda/lib64
}

need_device() {
  [[ -z $backends ]] || return 0
  nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader ||
    { echo "$0: no CUDA device: nvidia-smi fails" >&2; exit 1; }
  need_libraries
}

# Seconds from the start of a command to its end; what it prints goes to the log.
timed() {  # timed WHAT COMMAND...
  local what=$1 start end
  shift
  start=$(date +%s.%N)
  "$@" >>"$log" 2>&1 || { failed+=("$what (see $log)"); return 0; }
  end=$(date +%s.%N)
  awk -v what="$what" -v s="$start" -v e="$end" 'BEGIN { printf "%-48s %8.2f s\n", what, e - s }' | tee -a "$report"
}

# What one of the commands of a user takes with a backend.
run_commands() {  # run_commands BACKEND
  local out=$results/gpu_command images=$binaries/images.zip batch=64 steps=300 size=()
  [[ -z $backends ]] || batch=2 steps=2 size=(--hidden-dims "8,16")
  [[ -f $images ]] || images=$out/images.zip
  [[ -f $images ]] || "$binaries/lift" dataset emoji --output "$images" --size 64 >>"$log"
  local train=("$binaries/lift" train --backend "$1" --data "$images" --size 64 --batch-size "$batch"
    --sample-every 0 --overwrite "${size[@]}")
  LIFT_CUDNN_CHOICES='' timed "$1: train, 1 step, engines not chosen yet" "${train[@]}" --steps 1 --outdir "$out/one"
  timed "$1: train, 1 step of $batch images" "${train[@]}" --steps 1 --outdir "$out/one"
  timed "$1: train, $steps steps of $batch images" "${train[@]}" --steps "$steps" --outdir "$out/run"
  timed "$1: generate, $batch images in 18 steps" "$binaries/lift" generate --backend "$1" --checkpoint "$out/run" \
    --num-images "$batch" --batch-size "$batch" --steps 18 --outdir "$out/images" --overwrite
  rm -rf "$out/one" "$out/run" "$out/images"
}

failed=()
run_test() {  # run_test TEST [prefix of the command...]: what fails is listed at the end
  local what=$1 program=$binaries/test_cuda_$1
  shift
  what+=${*:+ under $*}
  echo "== $what (${SECONDS} s)"
  "$@" "$program" || failed+=("$what")
}

for part in "${parts[@]}"; do
  echo "== $part (${SECONDS} s)"
  case $part in
    build)
      if command -v apt-get >/dev/null; then ./scripts/install_dependencies.sh --tests; fi
      cmake -S . -B build/gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DLIFT_CUDA=ON -DLIFT_NATIVE=OFF \
        -DLIFT_CHECK_HEADERS=OFF -DCMAKE_BUILD_RPATH="\$ORIGIN/lib" \
        -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags  # an RPATH: libraries' own libraries are found by it too
      cmake --build build/gpu -j "$(nproc)" --target "${programs[@]/%lift/lift_cli}"
      ;;
    bundle)
      mkdir -p "$folder/lib"
      for program in "${programs[@]}"; do cp "$binaries/$program" "$folder"; done
      ldd "$folder"/test_* "$folder/benchmark_backends" "$folder/lift" |
        awk '$3 ~ /^\// && $1 !~ /^((libc|libm|libdl|librt|libpthread|libcu|libnv)[a-zA-Z]*[.]|liblift_)/ { print $3 }' |
        sort -u | xargs cp -Lt "$folder/lib"
      cp -R "$binaries/../lib/lift/." "$folder/lib"  # the CPU backend for every level of processors
      rm -f "$folder/images.zip"
      "$binaries/lift" dataset emoji --output "$folder/images.zip" --size 64
      tar -C "$folder" -cJf "$folder.tar.xz" .
      du -sh "$folder" "$folder.tar.xz"
      ;;
    test)
      need_device
      for test in "${tests[@]}"; do run_test "$test"; done
      ;;
    sanitize)
      need_device
      if ! command -v compute-sanitizer >/dev/null; then
        echo "compute-sanitizer is not installed: left out"
        continue
      fi
      # Libraries try calls that may fail; full-size networks take racecheck too long.
      for test in "${tests[@]}"; do
        run_test "$test" compute-sanitizer --tool memcheck --report-api-errors no --error-exitcode 1
        [[ $test == same_numbers ]] ||
          run_test "$test" compute-sanitizer --tool racecheck --error-exitcode 1
      done
      ;;
    compare)
      need_device
      options=(--binaries "$binaries" --python "$python" --out "$results/gpu.json" --turns 1
        --minutes "${COMPARE_MINUTES:-5}")
      [[ -z $backends ]] || options+=(--backends "$backends" --device cpu --batch 1 --seconds 0.1)
      # shellcheck disable=SC2086  # several options
      "$python" benchmarks/compare_gpu.py "${options[@]}" ${COMPARE_OPTIONS-} || failed+=(compare)
      ;;
    command)
      need_device
      log=$results/gpu_command/log.txt report=$results/gpu_command.txt
      mkdir -p "$results/gpu_command"
      : >"$log"
      : >"$report"
      IFS=, read -ra names <<<"${backends:-cuda-tf32,cuda-bf16}"
      for name in "${names[@]}"; do run_commands "$name"; done
      ;;
    profile)
      if ! command -v ncu >/dev/null; then
        echo "ncu (Nsight Compute) is not installed: left out"
        continue
      fi
      need_device
      mkdir -p "$results"
      "$python" benchmarks/kernel_times.py --binaries "$binaries" --limit 90 forward/64 training_step/64 |
        tee "$results/gpu_kernels.txt" || failed+=(profile)
      ;;
    train)
      need_device
      for model in lift baseline; do
        out=out/gpu/$model
        "$binaries/lift" train --backend cuda-tf32 --model "$model" --data "$data" \
          --outdir "$out" --overwrite --size 64 --batch-size 64 --epochs 100 --ema 0.999 \
          --time-limit "$seconds" --save-every 0 --sample-every 2 --keep 1 ||
          { failed+=("train $model"); continue; }
        mkdir -p "$results/gpu/$model"
        cp -R "$out"/{stats.jsonl,config.json,env.json,samples} "$results/gpu/$model"
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
if ((${#failed[@]})); then
  printf 'FAILED: %s\n' "${failed[@]}" >&2
  exit 1
fi
