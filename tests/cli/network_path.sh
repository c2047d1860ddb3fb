# SPDX-License-Identifier: MIT
# Paths that are found by running a network: the policies gits and fitted of `lift path`.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output data.zip --size 16 --max-images 8
train=("$lift" train --data data.zip --size 16 --hidden-dims 8 --batch-size 8 --steps 2 --sample-every 0 --schedule cosine --quiet)
works "${train[@]}" --outdir run
works "${train[@]}" --outdir single --model baseline
echo '{"format": "lift sampling path", "policy": "hand", "settings": {}, "timesteps": [[999, 999], [700, 400], [200, 200]]}' >hand.json
path=("$lift" path --quiet --checkpoint run --num-images 3 --batch-size 2 --reference-steps 12 --steps 4)

works "${path[@]}" --policy gits --output gits.json
works "${path[@]}" --policy gits --growth 1.2 --solver ddim --output growth.json
works "${path[@]}" --policy gits --along hand.json --output gits_along.json
works "${path[@]}" --policy fitted --search-steps 2 --clocks free --output free.json --json
json 'j["evaluations"] == 4 and 0 < j["distance"] < min(j["distance_even"], j["distance_selected"])'
works "${path[@]}" --policy fitted --search-steps 2 --solver ddim --output one.json --json
json '0 < j["distance"] < min(j["distance_even"], j["distance_selected"])'
works "${path[@]}" --policy fitted --search-steps 1 --along hand.json --output fitted_along.json
python3 - <<'PYTHON'
import json
load = lambda name: json.load(open(name + ".json"))
for name in "gits", "growth", "gits_along", "free", "one", "fitted_along":
    steps = load(name)["timesteps"]
    assert len(steps) == 4 and steps[0] == [999, 999], (name, steps)
    assert all(b <= a for left, right in zip(steps, steps[1:]) for a, b in zip(left, right)), (name, steps)
    same = all(fine == coarse for fine, coarse in steps)
    assert same == (name in ("gits", "growth", "one")), (name, steps)
# Those of gits are points of the reference: here of the polyline through the nodes, in 12 steps.
for fine, coarse in load("gits_along")["timesteps"]:
    way = [(999, 999), (700, 400), (200, 200), (0, 0)]
    points = [tuple(a + k / 4 * (b - a) for a, b in zip(p, q)) for p, q in zip(way, way[1:]) for k in range(4)]
    assert any(abs(fine - f) + abs(coarse - c) < 1e-6 for f, c in points), (fine, coarse)
settings = load("free")["settings"]
assert settings["schedule"] == "cosine" and settings["size"] == 16 and settings["solver"] == "unipc-2", settings
PYTHON

# The same bytes again; and generate takes them, for this network alone.
works "${path[@]}" --policy gits --output again.json
cmp gits.json again.json || die "another path from the same seed"
for name in gits gits_along free one; do
  works "$lift" generate --checkpoint run --path $name.json --num-images 1 --outdir with_$name --quiet
done
fails 1 'scales' "$lift" generate --checkpoint single --path gits.json --num-images 1 --outdir out --quiet
works "$lift" path --policy gits --checkpoint single --num-images 2 --reference-steps 6 --steps 6 --format timesteps \
  --output list.txt --quiet
[[ $(wc -l <list.txt) == 6 ]] || die "steps: $(cat list.txt)"
works "$lift" generate --checkpoint single --timesteps list.txt --num-images 1 --outdir listed --quiet

# What makes no sense.
fails 2 'policy gits runs a network: give --checkpoint' "$lift" path --policy gits --output out.json
fails 2 '--checkpoint means nothing to policy diagonal' "$lift" path --policy diagonal --checkpoint run --output out.json
fails 2 '--along means nothing to policy log-snr' "$lift" path --policy log-snr --along hand.json --output out.json
fails 2 '--heatmap means nothing to policy fitted' "${path[@]}" --policy fitted --heatmap h.json --output out.json
fails 2 '--scales means nothing to policy gits' "${path[@]}" --policy gits --scales 2 --output out.json
fails 2 '--clocks means nothing to policy gits' "${path[@]}" --policy gits --clocks one --output out.json
fails 2 '--growth means nothing to policy fitted' "${path[@]}" --policy fitted --growth 2 --output out.json
fails 2 'growth.*got 0, want a number above 0' "${path[@]}" --policy gits --growth 0 --output out.json
fails 2 'solver.*localisation.*want one of ddim' "${path[@]}" --policy gits --solver localisation --output out.json
fails 2 '--steps 13 is more than --reference-steps 12' \
  "$lift" path --quiet --checkpoint run --policy gits --reference-steps 12 --steps 13 --output out.json
fails 2 'is a file that is read' "${path[@]}" --policy gits --along hand.json --output hand.json
fails 1 'missing' "$lift" path --policy gits --checkpoint missing --output out.json
fails 1 'missing' "${path[@]}" --policy gits --along missing --output out.json
fails 1 'scales of the path hand.json: got 2, want 1 as the network has' \
  "$lift" path --quiet --policy gits --checkpoint single --along hand.json --steps 2 --output out.json
python3 - <<'PYTHON'
import json
path = json.load(open("gits.json"))
path["settings"]["schedule"] = "linear"
json.dump(path, open("linear.json", "w"))
PYTHON
fails 1 'schedule of linear.json: got "linear", want "cosine"' \
  "${path[@]}" --policy gits --along linear.json --output out.json
