# SPDX-License-Identifier: MIT
# Networks that are told fewer timesteps go the whole way, and files tell them apart; so do regimes in which the
# coarser timesteps follow the fine one.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 12 --quiet
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8,16 --batch-size 4 --sample-every 0 --quiet)
generate=("$lift" generate --num-images 2 --batch-size 2 --quiet)
heatmap=("$lift" heatmap --data emoji.zip --points 3 --probes 1 --num-images 2 --quiet)

for told in each fine own none; do
  for more in "" "--pyramid haar" "--scales 3"; do
    run=$told${more// /}
    works "${train[@]}" --told-timesteps $told $more --outdir "$run" --steps 2
    works "$lift" info "$run" --json
    json "next(iter(j.values()))['told_timesteps'] == '$told'"
    works "${heatmap[@]}" --checkpoint "$run" --output "$run.json"
    works "${generate[@]}" --checkpoint "$run" --steps 3 --outdir "images_$run"
  done
  works "$lift" info $told --json
  json "j['$told']['parameters'] == 60334"
  works "$lift" export --checkpoint $told --output $told.safetensors --quiet
  works "${generate[@]}" --checkpoint $told.safetensors --steps 3 --outdir exported_$told
done
python3 - <<'PYTHON' || die "images of networks that are told more or less"
import struct
def pixels(folder):
    found = b""
    for name in ("00000.png", "00001.png"):
        data, at = open(folder + "/" + name, "rb").read(), 8
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            found += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
            at += 12 + size
    return found
all_told = "each", "fine", "own", "none"
for told in all_told:
    assert pixels("images_" + told) == pixels("exported_" + told), told
assert len({pixels("images_" + told) for told in all_told}) == 4
PYTHON
for told in fine own none; do
  cmp -s each/checkpoint_00000002.safetensors $told/checkpoint_00000002.safetensors && die "$told: trained as each"
done
# What is as by default is not written: files stay as they were.
python3 - <<'PYTHON' || die "metadata"
import json, struct
def metadata(name):
    data = open(name, "rb").read()
    return json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]
assert "told_timesteps" not in metadata("each.safetensors")
assert metadata("own.safetensors")["told_timesteps"] == "own"
PYTHON
for model in baseline lift-shared-timestep; do
  works "${train[@]}" --model $model --told-timesteps none --outdir blind_$model --steps 1
  works "${generate[@]}" --checkpoint blind_$model --steps 3 --outdir images_blind_$model
  for told in fine own; do
    fails 2 "told-timesteps $told means nothing to $model, which is told one timestep" \
      "${train[@]}" --model $model --told-timesteps $told --outdir out
  done
done

# A blind network's heatmap is not another's.
works "$lift" path --heatmap none.json --policy dp-total --steps 3 --output path.json --quiet
works "${generate[@]}" --checkpoint none --path path.json --outdir along
fails 1 'told_timesteps of path.json: got "none", want "each" as of' \
  "${generate[@]}" --checkpoint each --path path.json --outdir out
works "$lift" train --outdir own --resume --steps 3 --quiet
fails 1 'told-timesteps of a resumed run: got "each", want "own"' \
  "$lift" train --outdir own --resume --told-timesteps each --quiet
works "${train[@]}" --from own --outdir more --steps 1
grep -q '"told_timesteps": "own"' more/config.json || die "--from does not take what the network is told"
fails 2 'got "blind", want one of each, fine, own, none' "${train[@]}" --told-timesteps blind --outdir out

# What a run is told of its regime stays.
for scales in 2 3; do
  works "${train[@]}" --scales $scales --told-timesteps fine --regime ratio --regime-ratio 0.5 --outdir ratio$scales --steps 2
  works "$lift" train --outdir ratio$scales --resume --steps 3 --quiet
done
fails 1 'regime-ratio of a resumed run: got 0.8, want 0.5' "$lift" train --outdir ratio2 --resume --regime-ratio 0.8 --quiet
works "${train[@]}" --told-timesteps fine --regime ratio --regime-ratio 1 --outdir ratio_1 --steps 2
works "${train[@]}" --told-timesteps fine --regime diagonal --outdir diagonal --steps 2
works "${train[@]}" --told-timesteps fine --regime aligned --outdir aligned --steps 2
printf '{"format": "lift sampling path", "policy": "own", "timesteps": [[999, 999], [900, 500], [300, 200]]}' >along.json
works "${train[@]}" --told-timesteps fine --regime aligned --regime-path along.json --outdir along_path --steps 2
rm along.json
works "$lift" train --outdir along_path --resume --steps 3 --quiet
python3 - <<'PYTHON' || die "losses of the regimes"
import json
def losses(run):
    return [[json.loads(line)[name] for name in ("loss_fine", "loss_coarse")] for line in open(run + "/stats.jsonl")]
# All are diagonals.
assert losses("ratio_1") == losses("diagonal") == losses("aligned")
assert losses("along_path")[:2] != losses("diagonal") and losses("ratio2")[:2] != losses("diagonal")
PYTHON
fails 2 'regime-ratio means nothing to --regime aligned' "${train[@]}" --regime aligned --regime-ratio 0.5 --outdir out
fails 2 'regime-jitter means nothing to --regime aligned' "${train[@]}" --regime aligned --regime-jitter 5 --outdir out
fails 2 'regime-path means nothing to --regime ratio' "${train[@]}" --regime ratio --regime-path path.json --outdir out
fails 2 'regime-ratio: .*1.5' "${train[@]}" --regime ratio --regime-ratio 1.5 --outdir out
fails 2 'regime ratio means nothing to the baseline' "${train[@]}" --model baseline --regime ratio --outdir out
