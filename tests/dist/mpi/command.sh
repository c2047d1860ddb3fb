#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# command.sh LIFT MPIEXEC: what ranks make together is what one process makes, and it ends well where a rank does not.
mpiexec=$2
source "$(dirname "${BASH_SOURCE[0]}")/../../cli/common.bash"
export OMPI_MCA_btl_vader_backing_directory="$scratch"  # where a killed job's shared memory does not stay

# ranks N ARGUMENTS...: the command on so many ranks.
ranks() { timeout -k 5 120 "$mpiexec" -n "$1" --oversubscribe "$lift" "${@:2}"; }

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 30 --quiet
train=(train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 12 --ema 0.9 --epochs 8 --sample-every 8
  --sample-images 4 --sample-steps 2 --save-every 1 --quiet)
same() {
  local file
  for file in "$1"/*.safetensors "$1"/{config.json,stats.jsonl} "$1"/samples/*; do
    cmp "$file" "$2/${file#"$1"/}" || die "$2: another ${file#"$1"/}"
  done
}

# The same network, down to the last bit.
four=(--grad-accum 4)
works "$lift" "${train[@]}" "${four[@]}" --steps 16 --outdir one
for n in 2 3 4; do
  works ranks $n "${train[@]}" "${four[@]}" --steps 16 --outdir of_$n
done
same one of_2
same one of_4
works "$lift" info of_3  # its batch is cut into six

works ranks 3 "${train[@]}" --steps 16 --grad-accum 6 --shard-states --outdir sharded
works "$lift" "${train[@]}" --steps 16 --grad-accum 6 --outdir whole
same whole sharded

# Begun on one number of ranks, ended on another.
works ranks 4 "${train[@]}" "${four[@]}" --outdir moved --steps 4
works ranks 2 train --outdir moved --resume --steps 9 --quiet
works "$lift" train --outdir moved --resume --steps 16 --quiet
cmp one/checkpoint_00000016.safetensors moved/checkpoint_00000016.safetensors || die "moved: another checkpoint"

# An index of images in shards: each rank reads its own; one of them makes it anew when it is stale.
mkdir shards
python3 - <<'END'
import io, tarfile, zipfile
images = zipfile.ZipFile("emoji.zip")
with tarfile.open("shards/0.tar", "w") as tar:
    for name in sorted(images.namelist()):
        entry = tarfile.TarInfo(name)
        entry.size = len(images.read(name))
        tar.addfile(entry, io.BytesIO(images.read(name)))
END
works "$lift" dataset index --data shards --output images.index
touch -d '1 hour ago' shards shards/0.tar
for n in 1 4 2; do
  works ranks $n train --data images.index "${train[@]:3}" "${four[@]}" --steps 5 --outdir indexed_$n
  grep -q "Indexed .* anew" "$scratch/err" && die "not quiet"
  cmp indexed_1/checkpoint_00000005.safetensors indexed_$n/checkpoint_00000005.safetensors || die "another of an index"
done
touch shards
works ranks 3 measure statistics --data images.index --size 16 --output indexed_statistics.npz
[[ $(grep -c "Indexed .* anew" "$scratch/err") == 1 ]] || die "not made anew once"

# A signal to any rank saves the last whole step.
ranks 2 train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 12 --epochs 100000 --sample-every 0 --save-every 0 \
  --quiet --outdir stopped >"$scratch/out" 2>"$scratch/err" &
job=$!
for ((tries = 0; tries < 100; ++tries)); do
  grep -q '"step":5,' stopped/stats.jsonl 2>/dev/null && break
  sleep 0.1
done
((tries < 100)) || die "no training to stop"
kill -TERM "$(pgrep -f "^$lift train .*--outdir stopped" | sort -n | tail -1)"
wait $job && die "no failure of a training that was stopped"
checkpoint=$(ls stopped/checkpoint_*.safetensors | tail -1)
[[ $(wc -l <stopped/stats.jsonl) == $((10#$(grep -o '[0-9]\{8\}' <<<"$checkpoint"))) ]] || die "not saved: $checkpoint"

# Images, of the same bytes.
generate=(generate --checkpoint one --steps 4 --num-images 10 --batch-size 3 --seed 5 --quiet)
works "$lift" "${generate[@]}" --outdir images_one --strip strip_one.png --grid grid_one.png
works ranks 3 "${generate[@]}" --outdir images_three --strip strip_three.png --grid grid_three.png
cmp strip_one.png strip_three.png && cmp grid_one.png grid_three.png || die "another strip or grid"
for file in images_one/*; do cmp "$file" "images_three/${file#*/}" || die "another ${file#*/}"; done
rm images_three/0000{4,7}.png
works ranks 2 "${generate[@]}" --outdir images_three --resume
for file in images_one/*.png; do cmp "$file" "images_three/${file#*/}" || die "another ${file#*/}"; done

# A heatmap, also where some of it is there.
heatmap=(heatmap --checkpoint one --data emoji.zip --num-images 4 --points 3 --probes 1 --quiet)
works "$lift" "${heatmap[@]}" --output one.json --npz one.npz
works ranks 3 "${heatmap[@]}" --output three.json --npz three.npz
cmp one.json three.json && cmp one.npz three.npz || die "another heatmap"
[[ ! -e three.json.partial ]] || die "cells are left"

# Features of images, 64 at a time.
works "$lift" dataset emoji --output more.zip --size 16 --max-images 200 --quiet
works "$lift" measure statistics --data more.zip --size 16 --output one_statistics.npz --quiet
works ranks 3 measure statistics --data more.zip --size 16 --output three_statistics.npz --quiet
cmp one_statistics.npz three_statistics.npz || die "other statistics"
works "$lift" measure frechet --data images_one --against emoji.zip --size 16 --json
cp "$scratch/out" frechet_one.json
works ranks 3 measure frechet --data images_one --against emoji.zip --size 16 --json
cmp frechet_one.json "$scratch/out" || die "another distance"

# A study: its parts are shared, what it writes is the same.
cat >study.toml <<'END'
title = "Small"
data = "emoji.zip"
size = 16
num-images = 6
[train]
epochs = 2
batch-size = 10
grad-accum = 2
hidden-dims = [8]
[models.copies]
[models.baseline]
model = "baseline"
[paths.log-snr]
[samplers.usual]
[measures.frechet]
measure = "frechet"
[[tables]]
title = "Steps"
steps = [2, 3]
rows = [{ models = ["copies", "baseline"], paths = "log-snr", samplers = "usual" }]
END
works "$lift" study study.toml --outdir study_one --quiet
works ranks 2 study study.toml --outdir study_two --dry-run
works ranks 2 study study.toml --outdir study_two
grep -q "is made: train" "$scratch/err" || die "no part for each rank"
for file in $(cd study_one && find . -name '*.safetensors' -o -name '*.jsonl'); do
  cmp "study_one/$file" "study_two/$file" || die "study: another $file"
done
works ranks 2 study study.toml --outdir study_shared --only "train copies"  # one part for both
grep -q "Part 1 of 1: train copies" "$scratch/err" || die "no part is shared"
works ranks 3 study study.toml --outdir study_shared --quiet
cmp study_one/results.json study_shared/results.json || die "another study of parts that were shared"
works ranks 2 study study.toml --outdir study_two --quiet  # which is done

# What is not for several ranks is done once.
works ranks 3 info one --json
json "j['one']['kind'] == 'checkpoint'"

# One line says what is wrong, whoever finds it: in the arguments, the files, or of one rank alone.
fails_once() {
  local pattern=$1 code=0
  shift
  "$@" >"$scratch/out" 2>"$scratch/err" || code=$?
  ((code != 0 && code != 124)) || die "exit code $code of: $*"
  [[ $(grep -c '^lift: ' "$scratch/err") == 1 ]] || die "not one line from: $*"
  grep -Eq -- "^lift: $pattern" "$scratch/err" || die "no match of '$pattern' from: $*"
}
fails_once "unknown argument: --nothing" ranks 3 train --nothing
fails_once "cannot open none.zip" ranks 2 train --data none.zip --outdir wrong
fails_once "--batch-size on 3 ranks: got 8, want a multiple of 3" \
  ranks 3 train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --outdir wrong
fails_once "folder one is not empty" ranks 2 "${train[@]}" --outdir one
fails_once "--dist-timeout: " ranks 2 info one --dist-timeout 0

# apart FOLDER ARGUMENTS...: rank 1 runs in that folder.
apart() { timeout -k 5 60 "$mpiexec" --oversubscribe -n 1 "$lift" "${@:2}" : -n 1 -wdir "$1" "$lift" "${@:2}"; }
fails_once "rank 1 was given other arguments" \
  timeout 60 "$mpiexec" --oversubscribe -n 1 "$lift" info one : -n 1 "$lift" info moved
mkdir other
cp emoji.zip other
fails_once "rank 1 \(process .*\): cannot open one" apart other generate --checkpoint one --num-images 4 --outdir new --grid new.png
[[ ! -e new && ! -e new.png && ! -e new.png.tmp ]] || die "something is left where rank 1 failed"
works "$lift" "${train[@]}" --steps 16 --seed 1 --outdir other/one
fails_once "fingerprint on rank 1: got" apart other generate --checkpoint one --num-images 4 --outdir new
fails_once ".* on rank 1: got" apart other "${train[@]:0:1}" --outdir one --resume --steps 20
# With LIFT_ALONE each process is one by itself.
works timeout 60 env LIFT_ALONE=1 "$mpiexec" --oversubscribe -n 1 "$lift" info one : -n 1 "$lift" info moved
works timeout 60 "$mpiexec" -n 1 bash -c '"$0" info one && "$0" info one' "$lift"
