# SPDX-License-Identifier: MIT
# The main job from end to end, tiny: data set, training, heatmap, paths, images, measures, figures.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 40 --json
json 'j["images"] == 40'
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8,16 --batch-size 8 --json)
works "${train[@]}" --outdir run --steps 6 --ema 0.9 --sample-steps 3 --prediction noise
json 'j["step"] == 6 and j["stopped"] == "done"'
[[ -s run/config.json && -s run/env.json && -s run/samples/step_00000006.png ]] || die "run folder"
[[ $(wc -l <run/stats.jsonl) == 6 ]] || die "a line a step in stats.jsonl"
works "${train[@]}" --outdir single --steps 2 --model baseline --sample-every 0
works "${train[@]}" --outdir shared --steps 2 --model lift-shared-timestep --regime diagonal \
  --prediction velocity --schedule linear --grad-accum 2 --sample-every 0

works "$lift" heatmap --checkpoint run --data emoji.zip --points 3 --probes 2 --num-images 4 \
  --output heatmap.json --json
json 'j["points"] == 3'
cp heatmap.json again.json
works "$lift" heatmap --checkpoint run --data emoji.zip --points 3 --probes 2 --num-images 4 \
  --output again.json --batch-size 3 --threads 1
python3 - <<'PYTHON'
import json
a, b = (json.load(open(f))["fine"] for f in ("heatmap.json", "again.json"))
assert all(abs(x - y) <= 1e-4 * abs(x) for r, s in zip(a, b) for x, y in zip(r, s)), (a, b)
PYTHON
works "$lift" heatmap --checkpoint shared --data emoji.zip --points 3 --num-images 2 --probes 1 \
  --output shared.json --grid timestep --jacobian denoised --weighting one --factor unit-noise \
  --noise fresh

for policy in greedy dp-64 dp-total n-step n-step-total; do
  works "$lift" path --heatmap heatmap.json --policy $policy --steps 4 --output $policy.json --json
  json "j['policy'] == '$policy' and j['evaluations'] == 4"
done
works "$lift" path --policy diagonal --steps 18 --preset reference --output diagonal.json --json
json 'j["evaluations"] == 19 and j["timesteps"][0] == [990, 990] and j["timesteps"][-1] == [0, 0]'

works "$lift" generate --checkpoint run --path dp-64.json --solver ddim --num-images 9 --batch-size 4 \
  --outdir images --grid grid.png --strip strip.png --json
json 'j["images"] == 9 and j["evaluations"] == 4'
[[ $(ls images/*.png | wc -l) == 9 && -s images/generate.json && -s grid.png && -s strip.png ]] || die "generated files"
works "$lift" generate --checkpoint run --path dp-64.json --solver ddim --num-images 3 --batch-size 2 \
  --outdir fewer --threads 1
cmp images/00002.png fewer/00002.png || die "an image depends on batch size or threads"
works "$lift" generate --checkpoint single --steps 3 --num-images 2 --outdir single_images
works "$lift" generate --checkpoint shared --steps 3 --num-images 2 --outdir shared_images --eta 1
for coarse in random fixed images images/00000.png emoji.zip; do
  works "$lift" generate --checkpoint run --steps 2 --num-images 3 --outdir "coarse_${coarse//\//_}" \
    --coarse-input $coarse --preset reference
done
fails 2 'has one scale' "$lift" generate --checkpoint single --coarse-input fixed --outdir out
works "$lift" heatmap --checkpoint single --data emoji.zip --points 3 --num-images 2 --probes 1 --output single.json
fails 1 'for two scales, not for 1' "$lift" path --policy dp-64 --heatmap single.json --output out.json --quiet
works "$lift" generate --checkpoint single --policy n-step --heatmap single.json --steps 3 --num-images 1 \
  --outdir single_n_step
works "$lift" generate --checkpoint run --num-images 2 --steps 1 --outdir images --overwrite
[[ $(ls images/*.png | wc -l) == 2 ]] || die "pictures of an earlier run stayed"

works "$lift" measure frechet --data coarse_emoji.zip --against emoji.zip --size 16 --json \
  --label super --epoch 1 --output frechet.json
json 'j["distance"] > 0 and j["extractor"] and j["images"] == 3 and j["images_against"] == 40'
works "$lift" measure frechet --data emoji.zip --against emoji.zip --size 16 --json
json 'j["distance"] < 1e-6'
works "$lift" measure mse --checkpoint run --data emoji.zip --num-images 10 --json --output mse.json
json 'j["both_noisy"]["fine"][0] > j["fine_clean"]["fine"][0]'

works "$lift" info run heatmap.json dp-64.json images/00000.png emoji.zip images linear --json
json 'j["run"]["parameters"] == 60334 and j["run"]["step"] == 6'
json 'j["heatmap.json"]["points"] == 3 and j["dp-64.json"]["evaluations"] == 4'
json 'j["images/00000.png"]["Settings"]["eta"] == 0 and j["emoji.zip"]["images"] == 40'
works "$lift" info run

command -v gnuplot >/dev/null || { echo "no gnuplot: figures not tested"; exit 0; }
plot() {
  works env GNUTERM=x11 "$lift" plot "$@" --output figure.png
  [[ $(head -c 4 figure.png | tail -c 3) == PNG && -s figure.png ]] || die "no figure: $*"
  rm -f figure.png figure.gp
}
plot heatmap --heatmap heatmap.json --path dp-64.json greedy.json
plot diagonal-error --heatmap heatmap.json
plot paths --path dp-64.json diagonal.json
plot losses --stats run/stats.jsonl single/stats.jsonl
plot frechet --result frechet.json
plot mse --result mse.json
plot grid --data emoji.zip --size 16 --num-images 10 --columns 5
