# SPDX-License-Identifier: MIT
# `lift judge`, its table, file and figure; paths as lists for other samplers.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

judge=("$lift" judge --size 8 --steps 3,6 --search 2 --quiet)
works "${judge[@]}" --spectrum 2 --solver ddim --output judged.json
says '^1/f\^2, 8x8 and 4x4 \(copies\), from unit noise, ddim:$'
says '^\| path \| 3 \| 6 \|$'
says '^\| diagonal, optimised \|'
says ' \*\*[0-9.e-]+\*\* '
works "${judge[@]}" --spectrum 2 --solver dpm-2m,heun,localisation --start noise,exact --pyramid haar --json
json '[t["solver"] for t in j["tables"]] == 2 * ["dpm-2m", "heun", "localisation"]'
json 'all(p["wasserstein"] is not None and p["wasserstein"] > 0 for t in j["tables"] for p in t["paths"])'
# A second clock is never printed without its control.
json 'all(q["control"] for t in j["tables"] for p, q in zip(t["paths"], t["paths"][1:]) if p["clocks"] == 2)'
# Two evaluations a step are counted.
json 'all(p["steps"] <= 3 for t in j["tables"] for p in t["paths"] if t["solver"] == "heun" and "uniform t" not in p["path"])'
works "${judge[@]}" --spectrum 2,3 --solver unipc-2 --first-log-snr -12 --landing clean --output two.json

# The spectrum of images.
works "$lift" dataset emoji --output data.zip --size 8 --max-images 40
works "${judge[@]}" --spectrum 2 --data data.zip --solver ddim --json
json '[t["spectrum"] for t in j["tables"]] == ["1/f^2", "data.zip"]'

if command -v gnuplot >/dev/null; then
  works "$lift" plot judge --result judged.json --output one.png
  works "$lift" plot judge --result judged.json two.json --output two.png
  [[ -s one.png && -s two.png ]] || die "no figures"
fi

# Lists say where the path file goes, and `lift generate` takes them.
works "$lift" path --policy log-snr --schedule cosine-ztsnr --steps 5 --output path.json
for format in timesteps sigmas log-snrs; do
  works "$lift" path --policy log-snr --schedule cosine-ztsnr --steps 5 --format $format --output $format.txt
done
python3 - <<'PYTHON'
import json, math
steps = json.load(open("path.json"))["timesteps"]
lists = {name: [float(line) for line in open(name + ".txt")] for name in ("timesteps", "sigmas", "log-snrs")}
assert [step[0] for step in steps] == lists["timesteps"], (steps, lists)
assert abs(lists["log-snrs"][0] + 10) < 1e-6, lists
assert all(abs(math.log(s) + l / 2) < 1e-9 for s, l in zip(lists["sigmas"], lists["log-snrs"])), lists
PYTHON

works "$lift" path --steps 8 --first-log-snr -8 --lead 2.5 --format log-snrs --output ahead.txt
python3 - <<'PYTHON' || die "a lead"
steps = [[float(level) for level in line.split(":")] for line in open("ahead.txt")]
assert len(steps) == 8 and len(steps[0]) == 1 and abs(steps[0][0] + 8) < 1e-6, steps
for fine, coarse in steps[1:]:
    assert abs(coarse - min(fine + 2.5 * min(1, (fine + 8) / 6), steps[-1][1])) < 1e-6, steps
PYTHON
fails 2 '--lead: got -7, want a number from -6 to 30' "$lift" path --lead -7 --output p.json
fails 2 '--lead means nothing to policy diagonal' "$lift" path --policy diagonal --lead 1 --output p.json

fails 2 'spectrum.*want a number from 0 to 10' "$lift" judge --spectrum 11
fails 2 'got "euler", want one of ddim' "$lift" judge --solver ddim,euler
fails 2 'square' "$lift" judge --size 64x48
fails 1 'multiple of 2' "$lift" judge --size 5 --steps 4 --quiet
fails 2 '--stretch means nothing to policy diagonal' "$lift" path --policy diagonal --stretch 0.5 --output p.json
fails 1 'infinite|finite' "$lift" path --policy diagonal --schedule cosine-ztsnr --format sigmas --output p.txt
fails 1 'want "format": "lift judgement"' "$lift" plot judge --result path.json --output p.png
