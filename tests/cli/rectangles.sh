# SPDX-License-Identifier: MIT
# Images of two sides go the whole way; --size WIDTHxHEIGHT says them, and files keep them.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# sides WIDTH HEIGHT PNG...: each picture has them.
sides() {
  python3 - "$@" <<'PYTHON' || die "sides of $*"
import struct, sys
for name in sys.argv[3:]:
    assert struct.unpack(">II", open(name, "rb").read(24)[16:]) == (int(sys.argv[1]), int(sys.argv[2])), name
PYTHON
}

works "$lift" dataset emoji --output emoji.zip --size 32x16 --max-images 12 --json
json 'j["size"] == "32x16"'
works "$lift" plot grid --data emoji.zip --size 32x16 --num-images 6 --columns 2 --output grid.png --quiet
sides 70 56 grid.png
works "$lift" dataset emoji --output squares.zip --size 24x24 --max-images 12 --json
json 'j["size"] == 24'

train=("$lift" train --hidden-dims 8,16 --batch-size 4 --sample-images 3 --sample-steps 2 --quiet)
works "${train[@]}" --data squares.zip --size 32x16 --outdir run --steps 3
sides 70 38 run/samples/step_00000003.png
for model in baseline lift-3-scales; do
  works "${train[@]}" --data emoji.zip --size 16x32 --outdir $model --model $model --steps 1 --sample-every 0
  works "$lift" generate --checkpoint $model --num-images 1 --steps 2 --outdir images_$model --quiet
  sides 16 32 images_$model/00000.png
done
works "$lift" info run --json
json 'j["run"]["size"] == "32x16" and j["run"]["settings"]["size"] == "32x16"'
works "$lift" train --outdir run --resume --steps 4 --quiet
fails 1 'size of a resumed run: got "16x32", want "32x16"' "$lift" train --outdir run --resume --size 16x32 --quiet

works "$lift" heatmap --checkpoint run --data emoji.zip --points 2 --probes 1 --num-images 2 --output heatmap.json --quiet
works "$lift" path --heatmap heatmap.json --policy dp-total --steps 2 --output path.json --quiet
generate=("$lift" generate --num-images 2 --batch-size 2 --quiet)
works "${generate[@]}" --checkpoint run --path path.json --outdir images --grid grid.png --strip strip.png
sides 32 16 images/0000{0,1}.png
sides 70 20 grid.png
for coarse in random emoji.zip images/00000.png; do
  works "${generate[@]}" --checkpoint run --steps 2 --outdir "coarse_${coarse//\//_}" --coarse-input $coarse
  sides 32 16 "coarse_${coarse//\//_}/00001.png"
done
works "$lift" export --checkpoint run --output weights.safetensors --quiet
works "${generate[@]}" --checkpoint weights.safetensors --steps 1 --outdir exported
sides 32 16 exported/00000.png
works "${generate[@]}" --checkpoint weights.safetensors --size 8x20 --steps 1 --outdir other
sides 8 20 other/00000.png
fails 1 'size of path.json: got "32x16", want 16 as of' \
  "${generate[@]}" --checkpoint run --size 16 --path path.json --outdir out
works "${train[@]}" --data emoji.zip --from weights.safetensors --steps 1 --outdir more --sample-every 0
grep -q '"size": "32x16"' more/config.json || die "--from does not take the sides"

works "$lift" measure frechet --data images --against emoji.zip --size 32x16 --json --output wide.json
json 'j["size"] == "32x16" and j["features"] == 93 and j["protocol"].startswith("scaled to cover 32x16 (Pillow")'
works "$lift" measure frechet --data images --against emoji.zip --size 16 --json --output square.json
json 'j["size"] == 16 and j["protocol"].startswith("shorter side to 16 (Pillow")'
fails 1 'size of square.json: got 16, want "32x16"' "$lift" plot frechet --result wide.json square.json --output out.png
works "$lift" measure mse --checkpoint run --data emoji.zip --num-images 2 --json
json 'j["size"] == "32x16"'

# The side that the network cannot halve is named, as is what is no size.
while read -r size message; do
  fails 2 "$message" "${train[@]}" --data emoji.zip --outdir out --size "$size"
done <<'END'
30x16 got 30x16, want a width that is a multiple of 4
32x18 got 32x18, want a height that is a multiple of 4
30x18 got 30x18, want sides that are multiples of 4
18 got 18, want a multiple of 4
32x got 32x, want a whole number from 1 to 8192, or two of them as WIDTHxHEIGHT
x16 got x16, want
0x16 got 0x16, want
32x8193 got 32x8193, want
32x16x3 got 32x16x3, want
32X16 got 32X16, want
END
fails 1 'got 30x16, want a width that is a multiple of 4' \
  "${generate[@]}" --checkpoint run --size 30x16 --steps 1 --outdir out
