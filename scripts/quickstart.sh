#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# quickstart.sh [--fresh] [--cuda]: installs what LIFT needs, builds the lift command, and does the
# main job on real images: first with the small network of examples/models, which takes a minute, then
# from the beginning, as examples/study/quick.toml says: trains a LIFT and the baseline, measures error
# heatmaps, finds sampling paths on them, generates along each and compares them. The results lie in
# out/quickstart. What is already there is kept; --fresh begins anew. The command is built for the CPU
# alone; with --cuda, which needs nvcc and a device, for CUDA too, and uses it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=out/quickstart
fresh=false backend=xtensor build=(-DLIFT_CUDA=OFF)
for argument; do
  case $argument in
    --fresh) fresh=true ;;
    --cuda) backend=cuda build=(-DLIFT_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=native) ;;
    *) echo "usage: $0 [--fresh] [--cuda]" >&2; exit 2 ;;
  esac
done
if $fresh; then rm -rf "$out"; fi

./scripts/install_dependencies.sh
echo "== build, less than 4 minutes on two cores"
SECONDS=0
cmake --preset quickstart "${build[@]}" >/dev/null
cmake --build --preset quickstart -j "$(nproc)" -- --quiet
echo "== built in ${SECONDS} s"
lift=build/quickstart/bin/lift data=$out/emoji.zip trained=examples/models/emoji32.safetensors
mkdir -p "$out"/trained
SECONDS=0

# once FILE COMMAND...: runs a command that makes FILE, unless FILE is there.
once() {
  local file=$1
  shift
  [[ -e $file ]] && return
  echo "== ${file#"$out"/} (${SECONDS} s)"
  "$@"
}

once "$data" $lift dataset emoji --output "$data" --size 32
once "$out/trained/log-snr.png" $lift generate --checkpoint $trained --num-images 64 --batch-size 64 \
  --backend $backend --outdir "$out/trained/log-snr" --overwrite --grid "$out/trained/log-snr.png"
once "$out/trained/heatmap.json" $lift heatmap --checkpoint $trained --data "$data" --points 10 \
  --num-images 8 --probes 2 --backend $backend --output "$out/trained/heatmap.json"
for policy in dp-64 dp-total; do
  path=$out/trained/$policy.json
  once "$path" $lift path --heatmap "$out/trained/heatmap.json" --policy $policy --output "$path"
  once "$out/trained/$policy.png" $lift generate --checkpoint $trained --path "$path" --num-images 64 \
    --batch-size 64 --backend $backend --outdir "$out/trained/$policy" --overwrite --grid "$out/trained/$policy.png"
done
once "$out/trained/heatmap.png" $lift plot heatmap --heatmap "$out/trained/heatmap.json" \
  --path "$out"/trained/dp-{64,total}.json --output "$out/trained/heatmap.png"
echo "Pictures of a trained network, its heatmap and paths are in $out/trained (${SECONDS} s). Now from the beginning:"

$lift study examples/study/quick.toml --data "$data" --outdir "$out/study" --backend $backend
printf '\nTook %d s. ' $SECONDS
echo "Look at $PWD/$out/study/report.html"
