#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# quickstart.sh [--fresh] [--cuda]: installs what LIFT needs, builds the lift command, and does the
# main job on real images: trains a small LIFT and the baseline, measures the error heatmap, finds
# sampling paths on it, generates along each and compares them. The results lie in out/quickstart.
# What is already there is kept; --fresh begins anew. The command is built for the CPU alone; with
# --cuda, which needs nvcc and a device, for CUDA too, and uses it.
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
size=32 epochs=14 batch=16 seconds=170 steps=18 images=256
policies=(log-snr diagonal dp-64 dp-total)
if $fresh; then rm -rf "$out"; fi

./scripts/install_dependencies.sh
echo "== build, less than 3 minutes on two cores"
SECONDS=0
cmake --preset quickstart "${build[@]}" >/dev/null
cmake --build --preset quickstart -j "$(nproc)" -- --quiet
echo "== built in ${SECONDS} s"
lift=build/quickstart/bin/lift
data=$out/emoji.zip
mkdir -p "$out"/{paths,grids,samples,measures}
SECONDS=0

# once FILE COMMAND...: runs a command that makes FILE, unless FILE is there.
once() {
  local file=$1
  shift
  [[ -e $file ]] && return
  echo "== ${file#"$out"/} (${SECONDS} s)"
  "$@"
}

train() {  # train MODEL: leaves final.safetensors, a link to the last checkpoint
  $lift train --model "$1" --data "$data" --outdir "$out/$1" --overwrite --backend $backend \
    --size $size --hidden-dims 16,32,128 --prediction clean --batch-size $batch --lr 2e-3 \
    --warmup 20 --ema 0.99 --epochs $epochs --time-limit $seconds --save-every 0 \
    --sample-every 1 --sample-steps $steps
  (cd "$out/$1" && ln -sf "$(ls checkpoint_*.safetensors | tail -n 1)" final.safetensors)
}
generate() {  # generate NAME MODEL FLAGS...
  local name=$1 model=$2
  shift 2
  $lift generate --checkpoint "$out/$model/final.safetensors" "$@" --num-images $images \
    --backend $backend --batch-size 64 --outdir "$out/samples/$name" --overwrite \
    --grid "$out/grids/$name.png" --strip "$out/grids/$name-strip.png"
}

once "$data" $lift dataset emoji --output "$data" --size $size
for model in lift baseline; do once "$out/$model/final.safetensors" train $model; done
once "$out/heatmap.json" $lift heatmap --checkpoint "$out/lift/final.safetensors" --data "$data" \
  --output "$out/heatmap.json" --points 12 --num-images 8 --probes 2 --backend $backend
for policy in "${policies[@]}"; do
  path=$out/paths/$policy.json
  once "$path" $lift path --heatmap "$out/heatmap.json" --policy "$policy" --steps $steps \
    --output "$path"
  once "$out/grids/$policy.png" generate "$policy" lift --path "$path"
done
once "$out/grids/baseline.png" generate baseline baseline --policy log-snr --steps $steps
for name in "${policies[@]}" baseline; do
  once "$out/measures/$name.json" $lift measure frechet --data "$out/samples/$name" \
    --against "$data" --size $size --label "$name" --output "$out/measures/$name.json"
done
paths=("${policies[@]/#/$out/paths/}") measures=("${policies[@]/#/$out/measures/}")
once "$out/heatmap.png" $lift plot heatmap --heatmap "$out/heatmap.json" \
  --path "${paths[@]/%/.json}" --output "$out/heatmap.png"
once "$out/diagonal.png" $lift plot diagonal-error --heatmap "$out/heatmap.json" \
  --output "$out/diagonal.png"
once "$out/losses.png" $lift plot losses --stats "$out/lift/stats.jsonl" \
  "$out/baseline/stats.jsonl" --output "$out/losses.png"
once "$out/frechet.png" $lift plot frechet --result "${measures[@]/%/.json}" \
  "$out/measures/baseline.json" --output "$out/frechet.png"
narrow() {  # narrow NAME: the figure for a narrow page, by the script that lies beside it
  (cd "$out" &&
    sed "s/ size [0-9]*,[0-9]* / size 460,380 /; s|/$1.png|/$1-narrow.png|" "$1.gp" | gnuplot)
}
for name in losses frechet; do once "$out/$name-narrow.png" narrow $name; done

# The page, and the table on the terminal.
value() {  # value KEY FILE: of a key in a file of JSON
  local found
  found=$(sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" "$2")
  [[ -n $found ]] || { echo "$0: $2 has no \"$1\"" >&2; exit 1; }
  echo "$found"
}
steps_of() { wc -l <"$out/$1/stats.jsonl"; }
rows='' grids='' strips=''
extractor=$(value extractor "$out/measures/baseline.json")
printf '\n%-10s %s\n' path 'Fréchet distance (lower is closer to the real images)'
for name in "${policies[@]}" baseline; do
  distance=$(value distance "$out/measures/$name.json")
  distance=$(printf %.1f "$distance")
  printf '%-10s %s\n' "$name" "$distance"
  rows+="<tr><td>$name</td><td>$distance</td></tr>"
  grids+="<figure><img src=\"grids/$name.png\" alt=\"\"><figcaption>$name</figcaption></figure>"
  strips+="<figure><img src=\"grids/$name-strip.png\" alt=\"\"><figcaption>$name</figcaption></figure>"
done
sed -e "s|@EPOCHS@|$epochs|g; s|@SIZE@|$size|g; s|@STEPS@|$steps|g; s|@IMAGES@|$images|g" \
  -e "s|@BATCH@|$batch|; s|@SECONDS@|$seconds|" \
  -e "s|@LIFT_STEPS@|$(steps_of lift)|; s|@BASELINE_STEPS@|$(steps_of baseline)|" \
  -e "s|@ROWS@|$rows|; s|@GRIDS@|$grids|; s|@STRIPS@|$strips|" \
  -e "s|@EXTRACTOR@|$extractor|" \
  scripts/quickstart.html >"$out/index.html"
printf '\nTook %d s. ' $SECONDS
echo "Look at $PWD/$out/index.html"
