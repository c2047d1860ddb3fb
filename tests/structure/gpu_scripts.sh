#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What scripts/gpu_evidence.sh and the scripts that it calls do on a machine without a device, with stand-ins for the
# programs that want one: gpu_scripts.sh PYTHON [LIFT]
set -euo pipefail
python=$1 lift=${2-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"

fail() { echo "FAILED: $*"; exit 1; }
has() { grep -q -- "$2" "$1" || { cat "$1"; fail "no \"$2\""; }; }

cat > "$work/bin/benchmark_backends" <<'STANDIN'
#!/bin/bash
while (($#)); do
  case $1 in --work) work=$2 ;; --backends) backend=$2 ;; esac
  shift
done
[[ $backend == cuda-tf32 && $work == forward/256 ]] && { echo "out of memory" >&2; exit 1; }
echo '{"seconds": 0.05, "rate": 100.0, "memory": 2000000000}'
STANDIN
cat > "$work/bin/peer" <<'STANDIN'
#!/bin/bash
case "$*" in
  -c*) echo '{"torch": "2", "cuda": "13"}' ;;
  *heatmap*) echo '{"cannot": "no products"}' ;;
  *reduce-overhead*) echo "broken" >&2; exit 1 ;;
  *--compile*) echo '{"seconds": 0.1, "turns": [0.1, 0.11], "memory": 2700000000}' ;;
  *) echo '{"seconds": 0.1, "turns": [0.1, 0.11]}' ;;
esac
STANDIN
cat > "$work/bin/ncu" <<'STANDIN'
#!/bin/bash
echo "==PROF== connected"
case "$*" in
  *forward/1*)
    echo '"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"'
    echo '"0","void lift::detail::attention_kernel<(unsigned int)32>(int)","gpu__time_duration.sum","ns","3,000,000.00"'
    echo '"1","void cub::for_each::kernel<lift::kernel::map_packet<int, 8>>(long)","gpu__time_duration.sum","us","1000"'
    ;;
esac
STANDIN
chmod +x "$work"/bin/*

# The comparison: the fastest of each side, what fails beside it, and rows of an earlier call that stay.
compare=("$python" "$root/benchmarks/compare_gpu.py" --binaries "$work/bin" --python "$work/bin/peer" --device cpu
  --out "$work/gpu.json")
"${compare[@]}" --turns 2 > "$work/out"
has "$work/out" '^forward_b64 *50 *105 *2.10 *2–2.2 *1.3  cuda beside eager$'
has "$work/out" '^forward_b1 .*below$'
has "$work/out" 'ms: LIFT: cuda 50, cuda-tf32 –, cuda-bf16 50; PyTorch: .* reduce_overhead –$'
has "$work/out" 'peak memory, GB: LIFT: cuda 2, .* PyTorch: eager –, eager_bf16 –, compiled 2.7,'
has "$work/out" '^heatmap_b32_k4 *cannot: no products$'
"${compare[@]}" --turns 1 --only train_b64 > "$work/out"
"$python" - "$work/gpu.json" <<'CHECK'
import json, sys
report = json.load(open(sys.argv[1]))
rows = {row["name"]: row for row in report["rows"]}
assert len(rows) == 7 and rows["train_b64"]["turns"] == 1 and rows["train_b256"]["turns"] == 2, rows
assert "broken" in rows["train_b64"]["forms"]["reduce_overhead"]["cannot"], rows["train_b64"]
assert report["pieces"] and report["ceilings"], report
CHECK
if "${compare[@]}" --only nothing > "$work/out" 2>&1; then fail "--only nothing"; fi
has "$work/out" 'no nothing; there are forward_b1'

# The kernels' times, by Nsight Compute's table.
PATH=$work/bin:$PATH "$python" "$root/benchmarks/kernel_times.py" --binaries "$work/bin" forward/1 > "$work/out"
has "$work/out" '^attention_kernel *1 *3.000 *75.0%$'
has "$work/out" '^for_each map_packet *1 *1.000 *25.0%$'
if PATH=$work/bin:$PATH "$python" "$root/benchmarks/kernel_times.py" --binaries "$work/bin" copy/1 > "$work/out" 2>&1; then
  fail "a profiler that prints nothing"
fi
has "$work/out" 'copy/1: no table in what the profiler printed'

# The whole, of which a machine without a device can do the command's part.
evidence=$root/scripts/gpu_evidence.sh
if "$evidence" nonsense > "$work/out" 2>&1; then fail "an unknown part"; fi
has "$work/out" '^usage: '
if ! command -v nvidia-smi >/dev/null; then
  if "$evidence" test > "$work/out" 2>&1; then fail "no device"; fi
  has "$work/out" 'no CUDA device: nvidia-smi fails'
fi
PATH=$work/bin:$PATH BACKENDS=xtensor BINARIES=$work/bin RESULTS=$work PYTHON=$python \
  COMPARE_OPTIONS="--only forward_b1 --python $work/bin/peer" "$evidence" compare > "$work/out"
has "$work/out" '^forward_b1 .*xtensor beside eager'
if [[ -n $lift && -f /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ]]; then
  ln -s "$lift" "$work/bin/lift"
  "$lift" dataset emoji --size 64 --max-images 4 --output "$work/bin/images.zip" --quiet
  BACKENDS=xtensor BINARIES=$work/bin RESULTS=$work "$evidence" command > "$work/out"
  [[ $(grep -c ' s$' "$work/gpu_command.txt") == 4 ]] || { cat "$work/out"; fail "four times of commands"; }
fi
echo "as expected"
