# SPDX-License-Identifier: MIT
# Files say which network and images they were made with, and are refused where they do not belong;
# settings that contradict each other are refused before anything is read or written.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 12 --quiet
works "$lift" dataset emoji --output more.zip --size 16 --max-images 16 --quiet
new=("$lift" train --hidden-dims 8 --batch-size 4 --sample-every 0 --steps 1 --quiet)
works "${new[@]}" --size 16 --outdir run --data emoji.zip --schedule linear
works "${new[@]}" --size 16 --outdir cosine --data emoji.zip --schedule cosine
works "${new[@]}" --size 16 --outdir velocity --data emoji.zip --schedule linear --prediction velocity
works "${new[@]}" --size 16 --outdir single --data emoji.zip --schedule linear --model baseline
works "${new[@]}" --outdir larger --data emoji.zip --schedule linear --size 32
works "${new[@]}" --size 16 --outdir images --data more.zip --schedule linear

# A heatmap records all of it, a path takes it from there.
works "$lift" heatmap --checkpoint run --data more.zip --points 3 --probes 1 --num-images 2 \
  --output heatmap.json --quiet
path=("$lift" path --heatmap heatmap.json --policy dp-total --steps 3 --quiet)
works "${path[@]}" --output path.json
works "${path[@]}" --output explicit.json --schedule linear
cmp path.json explicit.json || die "a path does not take its heatmap's schedule"
python3 - <<'PYTHON'
import json
config, other = (json.load(open(f + "/config.json")) for f in ("run", "images"))
for file in "heatmap.json", "path.json":
    s = json.load(open(file))["settings"]
    want = {"schedule": "linear", "prediction": "clean", "size": 16, "model": "lift", "scales": 2,
            "pyramid": "copies",
            "data": "more.zip", "data_fingerprint": other["data_fingerprint"],
            "training_data": "emoji.zip", "training_data_fingerprint": config["data_fingerprint"]}
    assert {k: s.get(k) for k in want} == want, (file, s)
PYTHON
fails 1 '--schedule: got "cosine", want "linear" as of heatmap.json' \
  "${path[@]}" --output out.json --schedule cosine

# Where they belong they are taken; elsewhere both values are named, and the flag that takes them.
generate=("$lift" generate --num-images 1 --outdir out --quiet)
taken() { works "${generate[@]}" "$@" && rm -r out; }
for source in "--path path.json" "--heatmap heatmap.json --policy dp-total --steps 3"; do
  taken --checkpoint run $source
  while read -r network message; do
    fails 1 "$message as of $network/.*--foreign-path" "${generate[@]}" --checkpoint $network $source
    taken --checkpoint $network $source --foreign-path
  done <<'END'
velocity prediction of .*: got "clean", want "velocity"
single scales of .*: got 2, want 1
larger size of .*: got 16, want 32
images training_data_fingerprint of .*: got ".*", want ".*"
END
  for foreign in "" --foreign-path; do
    fails 1 'schedule of .*: got "linear", want "cosine" as of cosine/' \
      "${generate[@]}" --checkpoint cosine $source $foreign
  done
done

# A diagonal suits every network, and what was written by hand, or before, is taken as it is.
works "$lift" path --policy diagonal --steps 3 --output diagonal.json --quiet
python3 - <<'PYTHON'
import json
path = json.load(open("path.json"))
del path["settings"]
json.dump(path, open("hand.json", "w"))
path["settings"] = {"schedule": "linear", "heatmap": "h.json", "steps": 3}
json.dump(path, open("earlier.json", "w"))
PYTHON
taken --checkpoint cosine --path diagonal.json
taken --checkpoint cosine --path hand.json
taken --checkpoint larger --path earlier.json
fails 1 'schedule of earlier.json' "${generate[@]}" --checkpoint cosine --path earlier.json

# Figures: one schedule.
if command -v gnuplot >/dev/null; then
  works "$lift" plot paths --path path.json diagonal.json hand.json --output figure.png --quiet
  works "$lift" plot heatmap --heatmap heatmap.json --path path.json --output again.png --quiet
  cp figure.gp figure.txt
  works "$lift" plot paths --path path.json diagonal.json hand.json --output figure.png \
    --schedule linear --quiet
  cmp figure.gp figure.txt || die "a figure does not take the schedule of its paths"
fi
works "$lift" heatmap --checkpoint cosine --data emoji.zip --points 3 --probes 1 --num-images 2 \
  --output cosine.json --quiet
works "$lift" path --heatmap cosine.json --policy greedy --output other.json --quiet
for figure in "paths --path path.json other.json" "heatmap --heatmap heatmap.json --path other.json" \
  "paths --path path.json --schedule cosine"; do
  fails 1 'noise schedule of .*: got "(linear|cosine)", want "(linear|cosine)" as' \
    "$lift" plot $figure --output out.png
done
frechet=("$lift" measure frechet --data emoji.zip --against more.zip --quiet)
works "${frechet[@]}" --size 16 --output 16.json
works "${frechet[@]}" --size 32 --output 32.json
fails 1 'size of 32.json: got 32, want 16 as of 16.json' \
  "$lift" plot frechet --result 16.json 32.json --output out.png

# Settings that contradict each other, before a file is looked at.
while read -r flags message; do
  fails 2 "$message" "$lift" train --data missing --outdir out --quiet ${flags//+/ }
done <<'END'
--schedule+cosine-ztsnr+--prediction+noise predicts noise gives no image at timestep 999
--schedule+linear-ztsnr+--prediction+noise no signal
--size+18+--hidden-dims+8,16 multiple of 4
--batch-size+8+--grad-accum+3 divisor of --batch-size 8
--batch-size+8+--max-images+4 at most --max-images 4
--lr+1e-7 --lr-last: got 1e-06, want at most --lr 1e-07
--lr-schedule+constant+--lr-last+1e-7 means nothing to a constant
--model+baseline+--regime+fine-loss-only one scale
--ema+1+--preset+reference leaves the average
--ema-warmup+off means nothing without --ema
--sample-steps+1001 at most 1000
--sample-images+1000000000 want at most
END
fails 2 'predicts noise gives no image' \
  "${generate[@]}" --checkpoint run --schedule cosine-ztsnr --prediction noise
fails 2 'means nothing with --path' "${generate[@]}" --checkpoint run --path path.json --heatmap heatmap.json
fails 1 '--warmup: got 500, want fewer than the 300' \
  "${new[@]}" --size 16 --data emoji.zip --outdir out --warmup 500
