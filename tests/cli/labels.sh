# SPDX-License-Identifier: MIT
# Networks that are told the class of an image, its folder, and U-Nets of another make than the
# default: trained, resumed, asked for a class, exported, by the same commands.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 16
works "$lift" dataset emoji --output more.zip --size 16 --max-images 16
python3 - <<'PYTHON'
import zipfile
source = zipfile.ZipFile("emoji.zip")
with zipfile.ZipFile("classes.zip", "w") as to:
    for i, name in enumerate(sorted(source.namelist())):
        to.writestr(f"all/{['cats', 'dogs'][i % 2]}/{name}", source.read(name))
with zipfile.ZipFile("three.zip", "w") as to:
    for i, name in enumerate(sorted(source.namelist())):
        to.writestr(f"{['a', 'b', 'c'][i % 3]}/{name}", source.read(name))
with zipfile.ZipFile("beside.zip", "w") as to:
    for i, name in enumerate(sorted(source.namelist())):
        to.writestr(name if i == 3 else f"{['a', 'b'][i % 2]}/{name}", source.read(name))
PYTHON

train=("$lift" train --size 16 --hidden-dims 16 --batch-size 4 --sample-images 2 --sample-steps 2 --quiet)
fails 1 'classes of emoji.zip: got none, want images in at least two folders' \
  "${train[@]}" --data emoji.zip --labels --outdir no
fails 1 "class of '.*' in beside.zip: got none, want every image in the folder of its class" \
  "${train[@]}" --data beside.zip --labels --outdir no
fails 2 'label-dropout means nothing without --labels' \
  "${train[@]}" --data classes.zip --label-dropout 0.2 --outdir no
fails 2 'label-dropout' "${train[@]}" --data classes.zip --labels --label-dropout 1.5 --outdir no

labelled=("${train[@]}" --data classes.zip --labels --label-dropout 0.25 --ema 0.5)
works "${labelled[@]}" --epochs 4 --outdir run
works "$lift" info run --json
json "j['run']['classes'] == 2 and j['run']['settings']['class_names'] == ['cats', 'dogs']"

works "$lift" info classes.zip --json
json "j['classes.zip']['classes'] == ['cats', 'dogs']"

# An interrupted training ends with the same bytes; another data set's classes are refused.
works "${labelled[@]}" --epochs 4 --steps 6 --outdir cut
fails 1 'fingerprint of three.zip' "$lift" train --outdir cut --resume --data three.zip --steps 16 --quiet
fails 1 'label-dropout of a resumed run: got 0.5, want 0.25' \
  "$lift" train --outdir cut --resume --label-dropout 0.5 --quiet
works "$lift" train --outdir cut --resume --steps 16 --quiet
last=checkpoint_00000016.safetensors
python3 - run/$last cut/$last <<'PYTHON'
import struct, sys
def tensors(name):
    data = open(name, "rb").read()
    return data[8 + struct.unpack("<Q", data[:8])[0]:]
assert tensors(sys.argv[1]) == tensors(sys.argv[2])
PYTHON

# Without labels it is asked for no class; with them for one after another.
generate=("$lift" generate --checkpoint run --num-images 4 --batch-size 3 --steps 3 --quiet)
works "${generate[@]}" --outdir none
works "${generate[@]}" --outdir cats --labels cats
works "${generate[@]}" --outdir zeroth --labels 0
works "${generate[@]}" --outdir both --labels cats,1
works "${generate[@]}" --outdir guided --labels cats --guidance 3
works "${generate[@]}" --outdir unguided --labels cats --guidance 0
pixels() { python3 -c 'import sys; from hashlib import sha256 as h; d = open(sys.argv[1], "rb").read(); print(h(d[d.index(b"IDAT"):]).hexdigest())' "$1"; }
same() { [[ $(pixels "$1") == $(pixels "$2") ]] || die "$1 is not $2"; }
other() { [[ $(pixels "$1") != $(pixels "$2") ]] || die "$1 is $2"; }
for image in 00000 00001 00002 00003; do
  same cats/$image.png zeroth/$image.png
  same none/$image.png unguided/$image.png
  other cats/$image.png none/$image.png
  other cats/$image.png guided/$image.png
done
for image in 00000 00002; do same both/$image.png cats/$image.png; done
for image in 00001 00003; do other both/$image.png cats/$image.png; done
for size in 1 3; do
  works "$lift" generate --checkpoint run --num-images 4 --batch-size $size --steps 3 --quiet --outdir exact$size \
    --labels cats,1 --exact
done
for image in 00000 00001 00002 00003; do same exact1/$image.png exact3/$image.png; done
works "$lift" generate --checkpoint run --num-images 1 --steps 3 --labels dogs --coarse-input random --outdir coarse --quiet
works "$lift" generate --checkpoint run --num-images 1 --steps 3 --labels dogs --guidance 2 --outdir counted --json
json "j['evaluations'] == 6"
fails 1 'guidance' "${generate[@]}" --outdir guided --labels cats --guidance 2 --resume
works "$lift" info both/00000.png both/00001.png --json
json "j['both/00000.png']['Settings']['labels'] == [0, 1]"
works "${generate[@]}" --outdir both --labels cats,1 --resume
fails 1 'labels' "${generate[@]}" --outdir both --labels dogs,1 --resume
fails 2 "--labels: got 'birds', want one of cats, dogs, or a number from 0 to 1" \
  "${generate[@]}" --outdir no --labels birds
fails 2 '--labels: got 2, want' "${generate[@]}" --outdir no --labels cats,2
fails 2 '--guidance means nothing without --labels' "${generate[@]}" --outdir no --guidance 2
works "$lift" heatmap --checkpoint run --data classes.zip --points 2 --num-images 2 --probes 1 --output h.json --quiet

# Weights alone still know their classes, and are trained on with the same.
works "$lift" export --checkpoint run --output weights.safetensors --quiet
works "$lift" generate --checkpoint weights.safetensors --num-images 1 --steps 3 --labels dogs --outdir exported --quiet
from=("$lift" train --from weights.safetensors --batch-size 4 --steps 1 --sample-every 0 --quiet)
works "${from[@]}" --data classes.zip --outdir more
works "$lift" info more --json
json "j['more']['classes'] == 2"
fails 1 'classes of the images: got \["a","b","c"\], want \["cats","dogs"\] as the network was told' \
  "${from[@]}" --data three.zip --outdir no
fails 1 'classes of emoji.zip' "${from[@]}" --data emoji.zip --outdir no
fails 1 'classes of the images of --max-images: got 1, want all 2' \
  "${train[@]}" --data classes.zip --labels --max-images 8 --outdir no
works "${train[@]}" --data classes.zip --labels --scales 1 --epochs 1 --outdir baseline
works "$lift" generate --checkpoint baseline --num-images 1 --steps 3 --labels cats --outdir baseline_images --quiet
works "${train[@]}" --data classes.zip --epochs 1 --outdir plain
fails 2 '--labels means nothing to plain' "$lift" generate --checkpoint plain --num-images 1 --labels 0 --outdir no --quiet
fails 1 '--labels of a training from plain' \
  "$lift" train --from plain --data classes.zip --labels --outdir no --quiet

# U-Nets of another make.
train+=(--data classes.zip --epochs 1)
works "${train[@]}" --blocks 1 --attention-levels 0 --heads 2 --outdir made
works "$lift" info made --json
json "[j['made'][k] for k in ('blocks', 'attention_levels', 'heads', 'image_channels')] == [1, [0], 2, 3]"
works "$lift" train --outdir made --resume --steps 4 --quiet
fails 1 'heads of a resumed run: got 4, want 2' "$lift" train --outdir made --resume --heads 4 --quiet
works "$lift" generate --checkpoint made --num-images 1 --steps 2 --outdir made_images --quiet
works "${train[@]}" --attention-levels none --outdir nowhere
works "$lift" info nowhere --json
json "j['nowhere']['attention_levels'] == []"
fails 2 'heads of attention: got 3, want a divisor of the 16 channels' "${train[@]}" --heads 3 --outdir no
fails 2 'level with attention: got 1, want 0 to 0' "${train[@]}" --attention-levels 1 --outdir no
fails 2 '--attention-levels: got all, want a whole number' "${train[@]}" --attention-levels all --outdir no
works "$lift" train --from made --data classes.zip --batch-size 4 --steps 1 --sample-every 0 --outdir made_more --quiet
fails 1 '--heads of a training from' "$lift" train --from made --heads 8 --data classes.zip --outdir no --quiet
