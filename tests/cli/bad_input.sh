# SPDX-License-Identifier: MIT
# Bad input of every kind: one clear line, exit code 1 (or 2 for what the flags say), nothing left.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# Good files to spoil.
works "$lift" dataset emoji --output good.zip --size 16 --max-images 12
works "$lift" train --data good.zip --outdir run --size 16 --hidden-dims 8 --steps 2 \
  --batch-size 4 --ema 0
checkpoint=$(ls run/checkpoint_*.safetensors)
python3 - <<'PYTHON'
import json, math
n = 3
heatmap = {"format": "lift error heatmap", "gamma": [0.01, 1, 100], "timesteps": [943, 495, 54],
           "fine": [[1.0] * n] * n, "coarse": [[2.0] * n] * n}
def write(name, **changes):
    json.dump({**heatmap, **changes}, open(name, "w"))
write("heatmap.json")
write("nan.json", fine=[[1, 2, 3], [1, math.nan, 3], [1, 2, 3]])
write("one_point.json", gamma=[1], timesteps=[495], fine=[[1]], coarse=[[1]])
write("ragged.json", fine=[[1, 2, 3], [1, 2], [1, 2, 3]])
open("garbage.json", "w").write('{"format": "lift error heat')
PYTHON
mkdir empty truncated
works "$lift" generate --checkpoint run --num-images 1 --steps 1 --outdir samples
head -c 300 samples/00000.png >truncated/a.png
head -c 2000 good.zip >truncated.zip
head -c 100000 /dev/zero >zeros.zip
python3 - "$checkpoint" <<'PYTHON'
import sys
good = open(sys.argv[1], "rb").read()
open("short.safetensors", "wb").write(good[:len(good) // 2])
open("lying.safetensors", "wb").write((1 << 40).to_bytes(8, "little") + good[8:])
open("overlap.safetensors", "wb").write(good.replace(b'"data_offsets":[0,', b'"data_offsets":[4,', 1))
open("tiny.safetensors", "wb").write(b"abc")
PYTHON
touch file

generate=("$lift" generate --quiet --steps 2 --num-images 2)
heatmap=("$lift" heatmap --quiet --checkpoint run --points 2 --num-images 2 --probes 1)
train=("$lift" train --quiet --size 16 --hidden-dims 8 --batch-size 4 --steps 2)
path=("$lift" path --policy dp-64 --output out.json --heatmap)
frechet=("$lift" measure frechet --size 16 --against good.zip)

# missing files
fails 1 'missing' "${train[@]}" --data missing --outdir out
fails 1 'missing' "${generate[@]}" --checkpoint missing --outdir out
fails 1 'missing' "${heatmap[@]}" --data missing --output out.json
fails 1 'missing' "${path[@]}" missing
fails 1 'missing' "${frechet[@]}" --data missing
fails 1 'missing' "$lift" info missing
fails 1 'missing' "$lift" dataset emoji --font missing.ttf --output out.zip --quiet
fails 1 'missing' "${train[@]}" --data good.zip --outdir run --resume missing

# images: an empty folder, a truncated PNG, a truncated zip, no zip at all
for data in empty truncated truncated.zip zeros.zip file; do
  fails 1 "$data|PNG" "${train[@]}" --data $data --outdir out
  fails 1 "$data|PNG" "${heatmap[@]}" --data $data --output out.json
  fails 1 "$data|PNG" "${frechet[@]}" --data $data
done

# weights: lying headers, cut files, those of another network
for weights in lying short overlap tiny; do
  fails 1 "$weights.safetensors" "${generate[@]}" --checkpoint $weights.safetensors --outdir out
  fails 1 "$weights.safetensors" "$lift" info $weights.safetensors
done
fails 1 'empty' "${generate[@]}" --checkpoint empty --outdir out
fails 1 'hidden.dims|shape of weight|other settings' "$lift" train --data good.zip --outdir run --size 16 \
  --batch-size 4 --hidden-dims 16 --steps 4 --resume

# heatmaps and paths
fails 1 'garbage.json: offset' "${path[@]}" garbage.json
fails 1 'nan.json' "${path[@]}" nan.json
fails 1 'one_point.json.*at least 2' "${path[@]}" one_point.json
fails 1 'ragged.json' "${path[@]}" ragged.json
fails 1 'not a file of this kind' "${generate[@]}" --checkpoint run --path heatmap.json --outdir out
fails 2 'points: got 1' "$lift" heatmap --checkpoint run --data good.zip --output out.json --points 1
fails 1 'largest SNR' "${heatmap[@]}" --data good.zip --output out.json --gamma-max 0.001

# sizes that a network cannot have
new=("$lift" train --quiet --data good.zip --outdir out)
fails 2 'multiple of' "${new[@]}" --hidden-dims 8 --size 15
fails 2 'multiple of' "${new[@]}" --hidden-dims 12 --size 16
fails 1 'batch size: got 13' "${new[@]}" --hidden-dims 8 --size 16 --batch-size 13
fails 2 'steps: got 0' "${new[@]}" --steps 0
fails 2 'steps: got 0' "$lift" generate --checkpoint run --outdir out --steps 0
fails 1 'number of steps' "$lift" generate --checkpoint run --outdir out --policy diagonal --steps 1001

# folders that cannot be written, also as root: below a file
fails 1 'file/out' "${train[@]}" --data good.zip --outdir file/out
fails 1 'file/out' "${generate[@]}" --checkpoint run --outdir file/out
fails 1 'file/out' "$lift" path --policy diagonal --output file/out.json
fails 1 'file/out' "${heatmap[@]}" --data good.zip --output file/out.json
fails 1 'not empty' "${generate[@]}" --checkpoint run --outdir samples
fails 1 'run' "${train[@]}" --data good.zip --outdir run

# a full disk: no file may grow beyond 4 KiB
full() { (ulimit -f 4; "$@"); }
fails 1 'cannot write' full "$lift" dataset emoji --quiet --size 16 --output out.zip
fails 1 'cannot write' full "${train[@]}" --data good.zip --outdir out
fails 1 'cannot write' full "$lift" generate --quiet --checkpoint run --steps 500 \
  --num-images 1 --grid grid.png --outdir out
