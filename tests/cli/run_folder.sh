# SPDX-License-Identifier: MIT
# A folder has one run at a time, and a run removes its own files alone.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 30 --quiet
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --quiet
  --sample-images 1 --sample-steps 1)
files() { (cd "$1" && find . -type f -printf '%P\n' | LC_ALL=C sort | tr '\n' ' '); }

# A run that goes on keeps all others out, and is not disturbed; a killed one keeps none out.
"${train[@]}" --outdir one --epochs 100000 --time-limit 60 --save-every 0 --sample-every 0 2>/dev/null &
pid=$!
for ((wait = 0; wait < 600; ++wait)); do
  grep -q '"step":3,' one/stats.jsonl 2>/dev/null && break
  sleep 0.1
done
busy="folder .*one/? is in use by process $pid$"
for other in --overwrite --resume "--resume one/checkpoint_00000000.safetensors"; do
  fails 1 "$busy" "${train[@]}" --outdir one $other
done
fails 1 "$busy" "${train[@]}" --outdir "$PWD/one/" --overwrite
fails 1 'not empty' "${train[@]}" --outdir one
kill -KILL $pid
wait $pid 2>/dev/null || true
[[ -e one/.lift.lock ]] || die "no lock was there"
works "${train[@]}" --outdir one --resume --steps 5 --epochs 100000
[[ ! -e one/.lift.lock ]] || die "the lock stayed"
mkdir stale
echo 1 >stale/.lift.lock  # as of a process that was killed before it began
works "${train[@]}" --outdir stale --steps 1

# What begins anew removes the files of the run before, and no others.
works "${train[@]}" --outdir run --epochs 3 --save-every 1 --sample-every 1
mkdir run/samples/more
for mine in checkpoint_best.safetensors notes.txt samples/mine.png samples/step_99999999.png; do
  echo mine >run/$mine
done
works "${train[@]}" --outdir run --epochs 1 --overwrite
grep -q 'run.json lists, such as checkpoint_best.safetensors: they stay' "$scratch/err" ||
  die "nothing said"
[[ $(files run) == "checkpoint_00000003.safetensors checkpoint_best.safetensors config.json env.json \
notes.txt run.json samples/mine.png samples/step_00000003.png samples/step_99999999.png stats.jsonl " ]] ||
  die "$(files run)"
[[ $(wc -l <run/stats.jsonl) == 3 ]] || die "statistics of the run before"
python3 -c 'import json
listed = json.load(open("run/run.json"))["files"]
assert listed == ["checkpoint_00000003.safetensors", "config.json", "env.json",
                  "samples/step_00000003.png", "stats.jsonl"], listed' || die "another record"

# Checkpoints to keep are those of the run.
works "${train[@]}" --outdir keep --epochs 4 --steps 6 --save-every 1
cp keep/checkpoint_00000003.safetensors keep/checkpoint_00000001.safetensors
works "${train[@]}" --outdir keep --resume --steps 12 --keep 1
[[ $(cd keep && echo checkpoint_*) == "checkpoint_00000001.safetensors checkpoint_00000012.safetensors" ]] ||
  die "$(files keep)"

# A run that goes on ends what another was about to when it was killed: to remove an older checkpoint, and to list it
# no longer.
cp -r keep killed
cp killed/checkpoint_00000012.safetensors killed/checkpoint_00000003.safetensors
sed -i 's/"checkpoint_00000012/"checkpoint_00000000.safetensors", "checkpoint_00000003.safetensors", &/' killed/run.json
works "${train[@]}" --outdir killed --resume
cmp keep/run.json killed/run.json || die "the record of a killed run"
[[ $(files killed) == "$(files keep)" ]] || die "$(files killed)"

# A checkpoint that --resume would take for the newest of another run is in the way.
one=("${train[@]}" --outdir one)
later='checkpoint_00000012.safetensors, which is later than step'
cp keep/checkpoint_00000012.safetensors one/
fails 1 "$later 0" "${one[@]}" --overwrite
fails 1 "$later 5" "${one[@]}" --resume one/checkpoint_00000005.safetensors
rm keep/run.json  # as where there was no record
fails 1 "$later 0" "${train[@]}" --outdir keep --overwrite
works "${train[@]}" --outdir keep --resume --keep 1
[[ $(cd keep && echo checkpoint_*) == "checkpoint_00000001.safetensors checkpoint_00000012.safetensors" ]] ||
  die "$(files keep)"

# A run goes on in its own folder, or in an empty one.
fails 1 'run is not empty; a run goes on' "${train[@]}" --outdir run \
  --resume keep/checkpoint_00000012.safetensors
works "${train[@]}" --outdir elsewhere --steps 12 --keep 1 \
  --resume keep/checkpoint_00000001.safetensors
cmp elsewhere/checkpoint_00000012.safetensors keep/checkpoint_00000012.safetensors ||
  die "another checkpoint elsewhere"

# A record can name files of the folder alone.
for name in ../emoji.zip "$PWD/emoji.zip" samples/../../emoji.zip; do
  echo "{\"format\": \"lift training run\", \"settings\": {}, \"files\": [\"$name\"]}" >run/run.json
  fails 1 'run.json' "${train[@]}" --outdir run --overwrite
  [[ -e emoji.zip ]] || die "a file outside is gone"
done

# A record that lists the lock, or a link in the place of a listed file, changes nothing else's.
mkdir listed
echo '{"format":"lift training run","settings":{},"files":[".lift.lock"]}' >listed/run.json
fails 1 'run.json.*names of files inside the folder' "${train[@]}" --outdir listed --overwrite --steps 1
