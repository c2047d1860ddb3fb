# SPDX-License-Identifier: MIT
# A network of orthonormal scales goes the whole way as one of copies does, and files tell them apart.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 12 --quiet
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8,16 --batch-size 4 --sample-steps 2 --quiet)
works "${train[@]}" --pyramid haar --outdir run --steps 3
works "${train[@]}" --outdir copies --steps 1 --sample-every 0
works "${train[@]}" --pyramid haar --scales 3 --outdir three --steps 1 --sample-every 0
works "$lift" info run copies --json
json '(j["run"]["pyramid"], j["copies"]["pyramid"]) == ("haar", "copies")'
# The network sees one image, not two.
json 'j["run"]["parameters"] < j["copies"]["parameters"]'
works "$lift" train --outdir run --resume --steps 4 --quiet
fails 1 'pyramid of a resumed run: got "copies", want "haar"' \
  "$lift" train --outdir run --resume --pyramid copies --quiet
fails 1 'pyramid of a training from .*: got "copies", want "haar"' \
  "${train[@]}" --from run --pyramid copies --outdir out
works "${train[@]}" --from run --outdir more --steps 1 --sample-every 0
grep -q '"pyramid": "haar"' more/config.json || die "--from does not take the pyramid"
fails 2 'pyramid haar means nothing to the baseline' "${train[@]}" --model baseline --pyramid haar --outdir out
fails 2 'got "laplacian", want one of copies, haar' "${train[@]}" --pyramid laplacian --outdir out

works "$lift" heatmap --checkpoint run --data emoji.zip --points 3 --probes 1 --num-images 2 --output heatmap.json --quiet
works "$lift" path --heatmap heatmap.json --policy dp-total --steps 3 --output path.json --quiet
generate=("$lift" generate --num-images 2 --batch-size 2 --quiet)
works "${generate[@]}" --checkpoint run --path path.json --outdir along
fails 1 'pyramid of path.json: got "haar", want "copies" as of' \
  "${generate[@]}" --checkpoint copies --path path.json --outdir out
works "${generate[@]}" --checkpoint three --steps 3 --outdir three_images
works "${generate[@]}" --checkpoint run --steps 3 --outdir changed --init-image along/00000.png --strength 0.3
for clip in fixed dynamic none; do
  works "${generate[@]}" --checkpoint run --steps 3 --outdir clip_$clip --clip $clip
done
cmp -s clip_fixed/00000.png clip_none/00000.png && die "clipping changes nothing"
works "$lift" measure mse --checkpoint run --data emoji.zip --num-images 2 --json
json "j['of'] == 'clean'"
works "$lift" measure mse --checkpoint run --data emoji.zip --num-images 2 --of noise --json
json "j['of'] == 'noise'"
json 'sorted(j["both_noisy"]) == ["coarse", "fine", "mean"]'
works "$lift" export --checkpoint run --output weights.safetensors --quiet
works "${generate[@]}" --checkpoint weights.safetensors --steps 3 --outdir exported

# A coarse image that is given stays what the 2x2 pixels of enlarged ones mean.
works "${generate[@]}" --checkpoint run --steps 3 --outdir enlarged --coarse-input along/00000.png
python3 - <<'PYTHON' || die "means of the enlarged image"
import struct, zlib
def pixels(name):
    data = open(name, "rb").read()
    width, height = struct.unpack(">II", data[16:24])
    at, body = 8, b""
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        body += data[at + 8:at + 8 + n] if kind == b"IDAT" else b""
        at += 12 + n
    raw, rows, above = zlib.decompress(body), [], bytes(3 * width)
    for y in range(height):
        kind, line = raw[y * (3 * width + 1)], bytearray(raw[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
        for x in range(3 * width):
            a, b, c = (line[x - 3] if x >= 3 else 0), above[x], (above[x - 3] if x >= 3 else 0)
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
        rows.append(line)
        above = bytes(line)
    return rows
def squares(rows):
    return [[rows[2 * y + i][6 * x + 3 * j + c] for i in (0, 1) for j in (0, 1)]
            for y in range(len(rows) // 2) for x in range(len(rows[0]) // 6) for c in range(3)]
# Both were made from one coarse image, by other noise; what is cut to 0 and 255 tells nothing.
both = zip(*(squares(pixels(f"enlarged/0000{i}.png")) for i in (0, 1)))
off = [abs(sum(a) - sum(b)) / 4 for a, b in both if 0 < min(a + b) and max(a + b) < 255]
assert len(off) > 10 and max(off) <= 1, sorted(off)
PYTHON
