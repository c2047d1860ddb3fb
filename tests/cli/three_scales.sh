# SPDX-License-Identifier: MIT
# Networks of three scales go the whole way by the same commands.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output data.zip --size 16 --max-images 24
train=("$lift" train --data data.zip --size 16 --hidden-dims 8 --batch-size 8 --epochs 4 --quiet --sample-images 2
  --sample-steps 2)
fails 2 'scales: got 3, but model lift has 2' "${train[@]}" --scales 3 --model lift --outdir wrong
fails 2 'image size for 3 scales: got 18, want a multiple of 4' \
  "$lift" train --data data.zip --hidden-dims 8 --scales 3 --size 18 --outdir wrong
works "${train[@]}" --scales 3 --outdir run
python3 - <<'PYTHON'
import json
lines = [json.loads(line) for line in open("run/stats.jsonl")]
assert len(lines) == 12
for line in lines:
    parts = line["loss_fine"] + line["loss_middle"] + line["loss_coarse"]
    assert abs(parts - line["loss"]) < 1e-9, line
PYTHON

# An interrupted training ends with the same bytes.
works "${train[@]}" --scales 3 --outdir cut --steps 5
works "$lift" train --outdir cut --resume --steps 12 --quiet
last=checkpoint_00000012.safetensors
python3 - run/$last cut/$last <<'PYTHON'
import json, struct, sys
def tensors(name):
    data = open(name, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    return data[8 + size:]
assert tensors(sys.argv[1]) == tensors(sys.argv[2])
PYTHON
works "$lift" info run --json
grep -q '"scales": 3' "$scratch/out" || die "info does not tell the scales"

heatmap=("$lift" heatmap --checkpoint run --data data.zip --points 3 --num-images 2 --probes 1 --quiet)
works "${heatmap[@]}" --output whole.json
python3 - <<'PYTHON'
import json
h = json.load(open("whole.json"))
assert h["scales"] == 3
names = ["fine", "middle", "coarse"]
for a in names:
    for b in names:
        grid = h[a if a == b else a + "_wrt_" + b]
        assert len(grid) == 3 and all(len(r) == 3 and all(len(s) == 3 for s in r) for r in grid)
PYTHON
works "${heatmap[@]}" --output again.json
cmp whole.json again.json || die "two heatmaps differ"
works "$lift" info whole.json

fails 1 'for two scales, not for 3' "$lift" path --policy dp-64 --heatmap whole.json --output x.json --quiet
fails 2 'scales means nothing' "$lift" path --policy n-step --heatmap whole.json --scales 3 --steps 4 --output x.json --quiet
works "$lift" path --policy n-step-total --heatmap whole.json --steps 4 --output path.json
works "$lift" path --policy diagonal --scales 3 --steps 4 --output diagonal.json
python3 - <<'PYTHON'
import json
for name in ["path.json", "diagonal.json"]:
    steps = json.load(open(name))["timesteps"]
    assert len(steps) == 4 and all(len(s) == 3 for s in steps), steps
PYTHON

generate=("$lift" generate --checkpoint run --num-images 3 --quiet)
works "${generate[@]}" --path path.json --solver ddim --outdir images --grid grid.png --strip strip.png
works "${generate[@]}" --steps 3 --outdir diagonal_images
works "$lift" path --policy diagonal --steps 3 --output two.json
fails 1 'scales of the path: got 2, want 3' "${generate[@]}" --path two.json --outdir refused --foreign-path
fails 2 'for networks of two scales, not of 3' "${generate[@]}" --coarse-input random --outdir refused
for solver in heun dpm-2m; do
  works "${generate[@]}" --path path.json --solver $solver --outdir $solver
  cmp -s $solver/00000.png images/00000.png && die "$solver gives the pictures of ddim"
done
works "$lift" measure mse --checkpoint run --data data.zip --num-images 4 --json --output mse.json
python3 - <<'PYTHON'
import json
m = json.load(open("mse.json"))
assert set(m["all_noisy"]) == {"fine", "middle", "coarse", "mean"} and "middle_clean" in m
PYTHON
works "$lift" export --checkpoint run --output weights.safetensors
fails 2 'scales: got 2, but model lift-3-scales has 3' "$lift" train --from weights.safetensors --data data.zip --scales 2 \
  --outdir no --quiet
fails 2 'scales: got 2, but model lift-3-scales has 3' "$lift" train --outdir run --resume --scales 2 --quiet
works "$lift" train --from weights.safetensors --data data.zip --batch-size 8 --steps 1 --outdir more --quiet \
  --sample-every 0
