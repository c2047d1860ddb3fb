# SPDX-License-Identifier: MIT
# Weights as users have them: under the names of wrappers, the average alone, spoilt; exported, and
# trained on from; and runs that go on, are done, or have moved.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 12 --quiet
new=("$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 4 --sample-every 0 --quiet)
works "${new[@]}" --outdir run --epochs 2 --ema 0.9 --prediction velocity
checkpoint=$(ls run/checkpoint_*.safetensors)

# tensors IN OUT CHANGE: rewrites a safetensors file; CHANGE is a Python expression of the new name
# of a tensor `k`, None to leave it out. The metadata stay. SPOIL=NAME puts a NaN in that tensor.
tensors() {
  python3 - "$@" <<'PYTHON'
import json, os, struct, sys
data = open(sys.argv[1], "rb").read()
length = struct.unpack("<Q", data[:8])[0]
header, body = json.loads(data[8:8 + length]), data[8 + length:]
out, parts, at = {"__metadata__": header.pop("__metadata__")}, [], 0
for k, v in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
    name = eval(sys.argv[3])
    if name is None:
        continue
    part = body[slice(*v["data_offsets"])]
    if k == os.environ.get("SPOIL"):
        part = struct.pack("<f", float("nan")) + part[4:]
    out[name] = {**v, "data_offsets": [at, at + len(part)]}
    at += len(part)
    parts.append(part)
if os.environ.get("PLAIN"):
    del out["__metadata__"]
text = json.dumps(out).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + b"".join(parts))
PYTHON
}
raw='k if not k.startswith(("ema.", "adamw.")) else None'
average='k if k.startswith("ema.") else None'
both='k if not k.startswith("adamw.") else None'
tensors "$checkpoint" raw.safetensors "$raw"
tensors "$checkpoint" average.safetensors "$average"
tensors "$checkpoint" both.safetensors "$both"
tensors raw.safetensors wrapped.safetensors '"_orig_mod.module." + k'
tensors both.safetensors models.safetensors 'k.replace("ema.", "ema_model.module.") if k[:4] == "ema." else "model." + k'

# Whatever the names, the same weights make the same pictures, and the record says which.
generate=("$lift" generate --num-images 1 --steps 2 --overwrite)
pixels() { python3 -c 'import sys; from hashlib import sha256 as h; d = open(sys.argv[1], "rb").read(); print(h(d[d.index(b"IDAT"):]).hexdigest())' "$1/00000.png"; }
made() {  # made WEIGHTS FOLDER ARGUMENTS...
  works "$lift" generate --num-images 1 --steps 2 --overwrite --outdir "$2" --checkpoint "${@:3}"
  works "$lift" info "$2/00000.png" --json
  json "j['$2/00000.png']['Settings']['weights'] == '$1'"
}
made ema of-run run
made raw of-run-raw run --weights raw
[[ $(pixels of-run) != $(pixels of-run-raw) ]] || die "raw weights and average do the same"
for file in average both models; do
  made ema "$file" $file.safetensors
  [[ $(pixels $file) == $(pixels of-run) ]] || die "$file: another picture"
done
for file in raw wrapped; do
  made raw "$file" $file.safetensors
  [[ $(pixels $file) == $(pixels of-run-raw) ]] || die "$file: another picture"
done
works "${generate[@]}" --outdir wrapped --checkpoint wrapped.safetensors
grep -q "named '_orig_mod.module.…' are read as the raw weights" "$scratch/err" || die "no remark"

# What is not there, or there twice, or spoilt, is named.
generate+=(--outdir out --quiet)
fails 1 'raw.safetensors: holds no average, only the raw weights' \
  "${generate[@]}" --checkpoint raw.safetensors --weights ema
fails 1 'average.safetensors: holds no raw weights, only the average' \
  "${generate[@]}" --checkpoint average.safetensors --weights raw
tensors raw.safetensors gap.safetensors 'None if k == "init_conv.bias" else "module." + k'
fails 1 "no tensor 'module.init_conv.bias' in gap.safetensors" "${generate[@]}" --checkpoint gap.safetensors
tensors raw.safetensors other.safetensors '"net." + k'
fails 1 "other.safetensors: holds no weights of a LIFT network; it has tensor 'net\..* and [0-9]+ more" \
  "${generate[@]}" --checkpoint other.safetensors
SPOIL=init_conv.bias PLAIN=1 tensors raw.safetensors nan.safetensors k
for command in "generate --outdir out" "measure mse --data emoji.zip" "export --output out.safetensors" \
  "heatmap --data emoji.zip --output out.json"; do
  fails 1 "'init_conv.bias' in nan.safetensors, element 0: got -?nan" \
    "$lift" $command --checkpoint nan.safetensors --size 16 --quiet
done
fails 1 "nan.safetensors, element 0" "${new[@]}" --outdir out --from nan.safetensors
SPOIL=init_conv.bias tensors "$checkpoint" damaged.safetensors k
fails 1 'damaged.safetensors: damaged: checksum' "${generate[@]}" --checkpoint damaged.safetensors

# Exported weights load again, in every type, and in any program that reads safetensors.
for weights in ema raw; do
  for type in f32 f16 bf16; do
    file=$weights-$type.safetensors
    works "$lift" export --checkpoint run --output $file --weights $weights --dtype $type --json
    json "j['weights'] == '$weights' and j['parameters'] == 17254"
    works "$lift" info $file --json
    json "[j['$file'][k] for k in ('weights', 'size', 'prediction', 'schedule', 'step')] == \
      ['$weights', 16, 'velocity', 'cosine-ztsnr', 6]"
    made $weights exported $file
  done
  made $weights exported $weights-f32.safetensors
  [[ $(pixels exported) == $(pixels of-run$([[ $weights == ema ]] || echo -raw)) ]] || die "export"
done
python3 - <<'PYTHON'
import json, struct
data = open("ema-bf16.safetensors", "rb").read()
header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
settings = json.loads(header.pop("__metadata__")["settings"])
assert "data_absolute" not in settings and settings["lr"] == 1e-4, settings
assert {v["dtype"] for v in header.values()} == {"BF16"} and "init_conv.bias" in header
try:
    from safetensors.numpy import load_file
    assert load_file("ema-f16.safetensors")["init_conv.bias"].shape == (8,)
except ImportError:
    pass

# A size that no image has, as a file may say; without its checksum the file is weights alone.
header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
settings = json.loads(header["__metadata__"].pop("settings"))
header["__metadata__"] = {"settings": json.dumps({**settings, "size": 1 << 62})}
text = json.dumps(header).encode()
body = data[8 + struct.unpack("<Q", data[:8])[0]:]
open("vast.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + body)
PYTHON
fails 1 'size of the images of vast.safetensors: got 4611686018427387904, want at most 8192' \
  "$lift" generate --checkpoint vast.safetensors --num-images 1 --steps 1 --outdir out --quiet
fails 1 'ema-f32.safetensors: holds weights alone.*--from' \
  "${new[@]}" --outdir fresh --resume ema-f32.safetensors

# A training from weights: the network is the file's, the rest is new.
from=("$lift" train --data emoji.zip --batch-size 4 --sample-every 0 --quiet)
works "${from[@]}" --outdir second --from run --epochs 1
python3 - <<'PYTHON'
import json
c = json.load(open("second/config.json"))
assert (c["hidden_dims"], c["prediction"], c["size"], c["epochs"]) == ([8], "velocity", 16, 1), c
assert c["from"]["weights"] == "ema" and c["from"]["step"] == 6, c["from"]
PYTHON
works "${from[@]}" --outdir third --from ema-f32.safetensors --epochs 1
cmp second/stats.jsonl third/stats.jsonl || die "weights and their export train differently"
works "${from[@]}" --outdir fourth --from run --weights raw --size 32 --epochs 1
! cmp -s second/stats.jsonl fourth/stats.jsonl || die "--weights or --size changed nothing"
fails 1 '--hidden-dims of a training from run.*got \[16\], want \[8\]' \
  "${from[@]}" --outdir out --from run --hidden-dims 16
fails 1 '--model of a training from' "${from[@]}" --outdir out --from run --model baseline
fails 1 '--prediction of a training from.*got "clean", want "velocity"' \
  "${from[@]}" --outdir out --from run --prediction clean
fails 2 'resume' "${from[@]}" --outdir second --from run --resume
fails 2 'from' "${from[@]}" --outdir out --weights raw

# A run that is done says so; it goes on where its learning rate was not planned.
works "$lift" train --outdir run --resume
grep -q 'Nothing to do: all 6 steps of --epochs 2.*--from' "$scratch/err" || die "nothing said"
fails 1 '--epochs of a resumed run: got 4, want 2 .*cosine annealing.*--from' \
  "$lift" train --outdir run --resume --epochs 4 --quiet
works "${new[@]}" --outdir constant --epochs 2 --lr-schedule constant
works "${new[@]}" --outdir longer --epochs 4 --lr-schedule constant
works "$lift" train --outdir constant --resume --epochs 4 --quiet
cmp {constant,longer}/stats.jsonl || die "a run that was extended differs from a longer one"
cmp {constant,longer}/checkpoint_00000012.safetensors || die "an extended run's checkpoint differs"

# Images that were named from another folder, and that moved along with the run.
mkdir elsewhere
(cd elsewhere && works "$lift" train --outdir ../constant --resume --epochs 5 --quiet)
mkdir moved
mv constant emoji.zip moved
(cd elsewhere && works "$lift" train --outdir ../moved/constant --resume --epochs 6 --quiet)
mv moved/emoji.zip .
fails 1 'images of this run are not at /.*/moved/emoji.zip nor at ../moved/emoji.zip: give --data' \
  bash -c "cd elsewhere && '$lift' train --outdir ../moved/constant --resume --epochs 7 --quiet"
