#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# index.sh LIFT: an index of images stands for them in every command, and follows them when they change.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 40 --quiet
python3 - <<'END'
import io, os, tarfile, zipfile
images = zipfile.ZipFile("emoji.zip")
for shard in range(2):
    os.makedirs("shards", exist_ok=True)
    with tarfile.open(f"shards/{shard}.tar", "w") as tar:
        for i, name in enumerate(sorted(images.namelist())[shard::2]):
            for ending, content in ((".png", images.read(name)), (".cls", b"%d" % (i % 2)), (".txt", b"a face")):
                entry = tarfile.TarInfo(f"{i:05}{ending}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
END
rest() { find shards -exec touch -d '1 hour ago' {} +; }
rest
works "$lift" dataset index --data shards --output images.index --json
json 'j["images"] == 40 and j["shards"] == 2 and j["classes"] == 2'
grep -q 'Passed over 40 other files: .txt 40' "$scratch/err" || die "nothing about other files"
works "$lift" info images.index --json
json 'j["images.index"]["stale"] is False and j["images.index"]["first"] == "0.tar/00000.png"'

# The same training, and measures, as of images that are read at the start.
train=(train --size 16 --hidden-dims 8 --batch-size 8 --epochs 3 --sample-every 0 --labels --quiet)
works "$lift" "${train[@]}" --data shards --outdir read
works "$lift" "${train[@]}" --data images.index --outdir listed --steps 4
works "$lift" train --outdir listed --resume --steps 1000 --quiet
works cmp <(grep -o '.*gradient_norm[^,]*' read/stats.jsonl) <(grep -o '.*gradient_norm[^,]*' listed/stats.jsonl)
[[ $(wc -l <listed/stats.jsonl) == 15 ]] || die "not three epochs"
cp emoji.zip real.zip
for command in 'measure mse --checkpoint read --num-images 8' 'measure frechet --against real.zip --size 16' \
  'measure pairs --against real.zip --size 16'; do
  for data in shards images.index; do
    works "$lift" $command --data $data --json
    python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
print({k: v for k, v in j.items() if "data" not in k and k != "fingerprint"})' "$scratch/out" >"$scratch/$data.said"
  done
  cmp "$scratch/shards.said" "$scratch/images.index.said" || die "another: $command"
done
works "$lift" plot grid --data images.index --size 16 --output listed.png
works "$lift" plot grid --data shards --size 16 --output read.png
cmp read.png listed.png || die "another grid"

# It is of the images as they are.
fails 1 "fingerprint of .*images.index: got files [0-9a-f]{16}, want [0-9a-f]{16} of the images" \
  "$lift" train --outdir read --resume --data images.index --quiet
python3 - <<'END'
import io, tarfile
with tarfile.open("shards/1.tar", "a") as tar:
    for ending, content in ((".png", b"none"), (".cls", b"1")):
        entry = tarfile.TarInfo("bad\x1b" + ending)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
END
rest
works "$lift" measure mse --checkpoint read --data images.index --num-images 8 --max-bad 1
grep -q "Indexed .*shards anew: .* has changed" "$scratch/err" || die "not made anew"
works "$lift" info images.index --json
json 'j["images.index"]["images"] == 41'
fails 1 "fingerprint of .*images.index: got files" "$lift" train --outdir listed --resume --quiet
fails 1 "image '1.tar/bad.x1b.png': the file is .*bad images: 1, allowed 0" \
  "$lift" measure mse --checkpoint read --data images.index --num-images 41 --quiet
works "$lift" measure mse --checkpoint read --data images.index --num-images 41 --max-bad 1
grep -q "warning: passed over image '1.tar/bad.x1b.png'" "$scratch/err" || die "no warning"
# A training that meets a bad image keeps what it has learnt.
late=(train --size 16 --hidden-dims 8 --batch-size 8 --epochs 50 --sample-every 0 --data images.index --quiet)
code=0
"$lift" "${late[@]}" --outdir late >"$scratch/out" 2>"$scratch/err" || code=$?
[[ $code == 1 ]] && grep -Eq "^lift: image .*allowed 0\); step [0-9]+ is saved$|^lift: image .*allowed 0\)$" "$scratch/err" ||
  die "exit code $code, want 1 and what is saved"
[[ $(wc -l <late/stats.jsonl) == $((10#$(ls late/checkpoint_* | tail -1 | grep -o '[0-9]\{8\}'))) ]] || die "steps are lost"
works "$lift" train --outdir late --resume --max-bad 1 --steps 20 --quiet
works "$lift" generate --checkpoint read --num-images 2 --steps 2 --init-image images.index --strength 0.5 --outdir init --labels 0
rm -r shards
fails 1 "shards: No such file" "$lift" measure mse --checkpoint read --data images.index
head -c 3000 images.index >cut.index
fails 1 "cut.index" "$lift" measure mse --checkpoint read --data cut.index
fails 1 "not a tar file, or a compressed one" "$lift" dataset index --data emoji.zip --output zip.index
fails 2 "." "$lift" dataset index --data images.index --output images.index
mkdir tree
cp listed.png tree
fails 1 "index tree/in.index: got a place in the folder" "$lift" dataset index --data tree --output tree/in.index
works "$lift" dataset index --data tree --output tree.index
cp "$(dirname "${BASH_SOURCE[0]}")/small_study.toml" .
fails 1 "--outdir tree/out lies in the images, tree.index" "$lift" study small_study.toml --data tree.index --outdir tree/out
