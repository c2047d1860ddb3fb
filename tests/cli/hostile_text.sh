# SPDX-License-Identifier: MIT
# Text from files and names runs nothing, reaches no terminal raw, and any bytes make a file's name.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# The bytes that all of this is about: a new line of gnuplot, a title for the terminal's window.
evil=$'a\nsystem "touch pwned"\n#`touch pwned`\e]0;title\a\e[2J'
odd=$'caf\xe9'  # no UTF-8

# ran_nothing: no command came out of a text.
ran_nothing() { [[ -z $(find . -name pwned) ]] || die "a command ran"; }

# harmless: nothing ran, and a terminal would obey nothing of what was said.
harmless() {
  ran_nothing
  python3 - "$scratch/out" "$scratch/err" <<'PYTHON' || die "raw bytes in what was said"
import sys
for name in sys.argv[1:]:
    for c in open(name, "rb").read().decode():
        assert c == "\n" or c.isprintable(), (name, c)
PYTHON
}

works "$lift" dataset emoji --output "$odd.zip" --size 16 --max-images 12 --json
json 'bytes.fromhex(j["output"].removeprefix("bytes:")) == b"caf\xe9.zip"'
works "$lift" train --data "$odd.zip" --outdir "$odd" --size 16 --hidden-dims 8 --batch-size 4 \
  --steps 1 --ema 0.9 --sample-every 0
harmless
works "$lift" train --outdir "$odd" --resume --steps 2 --json
json 'j["outdir"].startswith("bytes:") and j["step"] == 2'
works "$lift" heatmap --checkpoint "$odd" --data "$odd.zip" --points 2 --probes 1 --num-images 2 \
  --output "$odd.json"
harmless
works "$lift" path --heatmap "$odd.json" --policy greedy --steps 2 --output "path $odd.json"
works "$lift" generate --checkpoint "$odd" --path "path $odd.json" --num-images 2 \
  --outdir "images $odd" --grid "grid $odd.png" --json
harmless
works "$lift" measure mse --checkpoint "$odd" --data "$odd.zip" --num-images 4 --label "$odd$evil" \
  --output "mse $odd.json"
harmless
works "$lift" measure frechet --data "images $odd" --against "$odd.zip" --size 16 --label "$evil" \
  --output frechet.json
harmless
works "$lift" info "$odd" "$odd.zip" "$odd.json" "path $odd.json" "images $odd"
harmless
fails 1 'no file caf\\xe9/missing.json' "$lift" info "$odd/missing.json"

# A name too long for the file system is told as any other failure, whichever function meets it.
long=$(printf 'x%.0s' {1..300})
while read -r command; do
  fails 1 "x{9}.*File name too long|no font x{300}" "$lift" ${command//LONG/$long} --quiet
done <<'TABLE'
info LONG
train --data empty --outdir LONG --resume
train --data LONG --outdir out
dataset emoji --output LONG --max-images 1 --size 8
dataset emoji --font LONG --output out.zip
path --policy diagonal --output LONG
path --policy dp-64 --heatmap LONG --output out.json
generate --checkpoint LONG --outdir out
measure frechet --data LONG --against LONG
plot losses --stats LONG --output out.png
plot paths --path LONG --output out.png
TABLE

# Files made to deceive.
python3 - <<'PYTHON'
import glob, json, os, struct, zipfile, zlib
evil = 'a\nsystem "touch pwned"\n#`touch pwned`\x1b]0;title\x07\x1b[2J\x9b\u202e'
json.dump({"format": "lift sampling path", "policy": evil, "timesteps": [[999, 999], [1, 1]]},
          open("evil.json", "w"))
for name, result in {"label": {"distance": 1, "label": 5}, "text": {"distance": "far"},
                     "list": [1], "mean": {"both_noisy": {"mean": ["x"]}}}.items():
    json.dump(result, open(f"result_{name}.json", "w"))
open("result_nan.json", "w").write('{"distance": NaN}')
open("result_huge.json", "w").write('{"distance": 1e999}')
os.mkdir(evil)
open(evil + "/stats.jsonl", "w").write('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n')
open("null.jsonl", "w").write('{"step": 1, "loss": 2}\n{"step": 2, "loss": null}\n')
open("cut.jsonl", "w").write('{"step": 1, "loss": 2}\n{"step": 2, "lo\n')
open("growing.jsonl", "w").write('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n{"step": 3, "lo')
open("huge.jsonl", "w").write('{"step": 1, "loss": 1e999}\n')
open("empty.jsonl", "w").close()

picture = open(glob.glob("images*/00000.png")[0], "rb").read()
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
nested = b"[" * 100000 + b"]" * 100000
texts = chunk(b"tEXt", b"Comment\0" + evil.encode()) + chunk(b"tEXt", b"kind\0" + b"\xe9\x1b[2J")
texts += chunk(b"tEXt", b'Settings\0{"a": ' + nested + b"}")
open("texts.png", "wb").write(picture[:33] + texts + picture[33:])
with zipfile.ZipFile("names.zip", "w") as z:
    z.writestr(evil + ".png", b"no picture")

weights = open(sorted(glob.glob(b"caf\xe9/checkpoint_*"))[-1], "rb").read()
size = struct.unpack("<Q", weights[:8])[0]
header = json.loads(weights[8 : 8 + size])
def save(name, **metadata):
    kept = {"settings": json.dumps(metadata.pop("settings")), **metadata}
    text = json.dumps({**header, "__metadata__": kept}).encode()
    open(name, "wb").write(struct.pack("<Q", len(text)) + text + weights[8 + size :])
save("settings.safetensors", settings={evil: evil, "size": 16})
save("unknown.safetensors", settings={"prediction": evil, "size": 16})
save("negative.safetensors", settings={"size": -16})
save("fraction.safetensors", settings={"size": 16.5})
save("nested.safetensors", settings={"size": 16, "x": json.loads("[" * 500 + "]" * 500)})
PYTHON
works "$lift" info texts.png settings.safetensors evil.json
harmless
works "$lift" info texts.png settings.safetensors evil.json --json
json 'j["texts.png"]["kind"] == "PNG" and "touch pwned" in j["texts.png"]["Comment"]'
harmless
fails 1 'the file is of an unknown kind' "$lift" measure frechet --data names.zip --against names.zip
harmless
fails 1 'prediction' "$lift" info unknown.safetensors --quiet
harmless
fails 1 "negative.safetensors: field 'size': want a whole number" "$lift" info negative.safetensors --quiet
fails 1 "fraction.safetensors: field 'size': want a whole number" "$lift" info fraction.safetensors --quiet
fails 1 'nested.safetensors: its settings: depth' "$lift" info nested.safetensors --quiet
fails 2 'policy' "$lift" path --policy "$evil" --output p.json
harmless
fails 1 'no file a\\x0asystem' "$lift" info "$evil"
harmless

plot() { "$lift" plot "$@" --quiet --output figure.png; }
fails 1 "label.json: field 'label': want a string" plot frechet --result result_label.json
fails 1 "text.json: field 'distance': want a finite number" plot frechet --result result_text.json
fails 1 "list.json: field 'distance'" plot frechet --result result_list.json
fails 1 'nan.json: offset' plot frechet --result result_nan.json
fails 1 'huge.json: a number' plot frechet --result result_huge.json
fails 1 "mean.json: field 'both_noisy.mean\[0\]': want a finite" plot mse --result result_mean.json
fails 1 "list.json: field 'both_noisy" plot mse --result result_list.json
fails 1 "null.jsonl: line 2: field 'loss': want a finite" plot losses --stats null.jsonl
fails 1 'cut.jsonl: line 2: offset' plot losses --stats cut.jsonl
works "$lift" plot losses --stats growing.jsonl --output growing.png --quiet
fails 1 'huge.jsonl: line 1: a number' plot losses --stats huge.jsonl
fails 1 'empty.jsonl' plot losses --stats empty.jsonl

command -v gnuplot >/dev/null || { echo "no gnuplot: figures not tested"; exit 0; }
draw() {
  works "$lift" plot "$@" --output "$evil.png"
  harmless
  works gnuplot "$evil.gp"
  ran_nothing
  rm "$evil.png" "$evil.gp"
}
draw paths --path evil.json "path $odd.json"
draw losses --stats "$evil"*/stats.jsonl
draw frechet --result frechet.json
draw mse --result "mse $odd.json" "mse $odd.json"
works "$lift" plot heatmap --heatmap "$odd.json" --path evil.json --output "$odd.png" --json
json 'j["script"] == "bytes:" + b"caf\xe9.gp".hex()'
harmless
