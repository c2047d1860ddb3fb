# SPDX-License-Identifier: MIT
# Training that is killed, interrupted or resumed ends with the same bytes as undisturbed training.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

steps=40
works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 30 --quiet
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --ema 0.9
  --epochs 30 --save-every 1 --sample-every 0 --quiet)
last=$(printf 'checkpoint_%08d.safetensors' $steps)
works "${train[@]}" --outdir whole --steps $steps
same() {
  cmp "whole/$last" "$1/$last" || die "$1: another checkpoint"
  cmp whole/stats.jsonl "$1/stats.jsonl" || die "$1: other statistics"
}

# In two parts; the second takes its settings from the first.
works "${train[@]}" --outdir parts --steps 17
works "$lift" train --outdir parts --resume --steps $steps --threads 1 --json
json "j['step'] == $steps and j['stopped'] == 'done'"
same parts

# A training that is done is left as it is.
works "$lift" train --outdir parts --resume --steps $steps --quiet
same parts

# Killed again and again.
for ((kills = 0; kills < 6; ++kills)); do
  flag=(--steps $steps)
  [[ -d killed ]] && flag+=(--resume)
  "${train[@]}" --outdir killed "${flag[@]}" >/dev/null 2>&1 &
  sleep 0.1$((RANDOM % 10))
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  ls killed/checkpoint_*.safetensors >/dev/null 2>&1 || rm -rf killed  # killed before it began
done
flag=()
[[ -d killed ]] && flag=(--resume)
works "${train[@]}" --outdir killed --steps $steps "${flag[@]}"
same killed

# A signal saves a checkpoint and says so.
for signal in INT TERM; do
  "$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --sample-every 0 \
    --save-every 0 --outdir $signal --epochs 100000 >/dev/null 2>"$scratch/err" &
  pid=$!
  for ((wait = 0; wait < 100; ++wait)); do
    grep -q '"step":5,' $signal/stats.jsonl 2>/dev/null && break
    sleep 0.1
  done
  kill -$signal $pid
  wait $pid && code=0 || code=$?
  [[ $code == $((128 + $(kill -l $signal))) ]] || die "exit code $code after $signal"
  grep -q 'Stopped by a signal after step .*--resume goes on' "$scratch/err" || die "nothing said"
  works "$lift" info $signal
  [[ $(ls $signal/checkpoint_* | wc -l) == 1 ]] || die "checkpoints after $signal"
done

# By another optimiser, which a run keeps.
sgd=("${train[@]}" --optimiser sgd --momentum 0.8 --lr 0.02 --lr-last 0.001)
works "${sgd[@]}" --outdir sgd_whole --steps $steps
works "${sgd[@]}" --outdir sgd_parts --steps 17
works "$lift" train --outdir sgd_parts --resume --steps $steps --threads 1 --quiet
cmp "sgd_whole/$last" "sgd_parts/$last" || die "sgd: another checkpoint"
grep -q '"optimiser": "sgd"' sgd_parts/config.json || die "the optimiser is not recorded"
cmp -s "sgd_whole/$last" "whole/$last" && die "sgd does as adamw"
fails 1 '--optimiser of a resumed run: got "adamw", want "sgd"' "$lift" train --outdir sgd_parts --resume --optimiser adamw --quiet
fails 1 '--momentum of a resumed run: got 0.9, want 0.8' "$lift" train --outdir sgd_parts --resume --momentum 0.9 --quiet
fails 2 '--momentum means nothing to adamw' "${train[@]}" --outdir none --momentum 0.9
fails 2 '--momentum: got 1, want less' "${train[@]}" --outdir none --optimiser sgd --momentum 1

# With a loss weighting, which a run keeps.
weighted=("${train[@]}" --loss-weighting min-snr)
works "${weighted[@]}" --outdir weighted_whole --steps $steps
works "${weighted[@]}" --outdir weighted_parts --steps 17
works "$lift" train --outdir weighted_parts --resume --steps $steps --quiet
cmp "weighted_whole/$last" "weighted_parts/$last" || die "weighted: another checkpoint"
fails 1 '--loss-weighting of a resumed run: got "snr", want "min-snr"' \
  "$lift" train --outdir weighted_parts --resume --loss-weighting snr --quiet

# Along a path, which a run keeps when its file is gone.
printf '{"format": "lift sampling path", "policy": "own", "timesteps": [[999, 999], [900, 500], [300, 200]]}' >along.json
works "${train[@]}" --outdir along_whole --steps $steps --regime path --regime-path along.json --regime-jitter 20
works "${train[@]}" --outdir along_parts --steps 17 --regime path --regime-path along.json --regime-jitter 20
mv along.json gone.json
works "$lift" train --outdir along_parts --resume --steps $steps --quiet
cmp "along_whole/$last" "along_parts/$last" || die "along a path: another checkpoint"
fails 1 '--regime-jitter of a resumed run: got 1.0, want 20.0' \
  "$lift" train --outdir along_parts --resume --regime-jitter 1 --quiet
sed 's/500/400/' gone.json >other.json
fails 1 '--regime-path of a resumed run: got' \
  "$lift" train --outdir along_parts --resume --regime-path other.json --quiet
fails 1 'scales of the path: got 2, want 3' \
  "${train[@]}" --outdir none --scales 3 --regime path --regime-path gone.json
fails 2 '--regime-jitter means nothing to --regime independent' "${train[@]}" --outdir none --regime-jitter 20

# What a run cannot go on with.
fails 1 'not empty; --resume' "${train[@]}" --outdir whole --steps $steps
fails 1 'no checkpoint in' "${train[@]}" --outdir . --resume
fails 1 '--lr of a resumed run: got 0.5, want 0.0001' "$lift" train --outdir whole --resume --lr 0.5 --quiet
works "$lift" dataset emoji --output other.zip --size 20 --max-images 30 --quiet
fails 1 'fingerprint of other.zip' "$lift" train --outdir whole --resume --data other.zip --quiet
fails 2 'resume|overwrite' "${train[@]}" --outdir whole --resume --overwrite

# A fresh start, a time limit, checkpoints to keep.
works "${train[@]}" --outdir whole --steps 5 --overwrite
[[ ! -e whole/$last ]] || die "a checkpoint of the earlier run stayed"
works "${train[@]}" --outdir kept --steps 20 --keep 2
[[ $(ls kept/checkpoint_* | wc -l) == 2 ]] || die "checkpoints to keep"
works "$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --sample-every 0 \
  --outdir timed --time-limit 0.5 --epochs 100000 --json
json 'j["stopped"] == "time limit" and 0 < j["step"] < j["of"] == 300000'

# A loss that is not finite stops the run and names the step; the last good checkpoint stays.
"$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --lr 1e25 --clip 0 \
  --outdir diverged --quiet 2>"$scratch/err" && die "a run diverged and did not fail"
grep -Eq '^lift: training step [0-9]+: .*(nan|inf)' "$scratch/err" || die "the step is not named"
works "$lift" info diverged
# So it does where the run began anew, in the place of one with later checkpoints.
"$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --sample-every 0 --save-every 1 \
  --outdir anew --steps 6 --quiet || die "train"
"$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --lr 1e25 --clip 0 --save-every 0 \
  --outdir anew --overwrite --quiet 2>"$scratch/err" && die "a run diverged and did not fail"
[[ $(ls anew/checkpoint_*) == anew/checkpoint_00000000.safetensors ]] || die "checkpoints of a run begun anew"

# Weights that are not finite are not saved: the checkpoint before stays the newest.
fails_saving() {
  "$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --lr 1e30 --weight-decay 1e30 \
    --warmup 0 --lr-schedule constant --clip 0 --outdir infinite --steps 1 --quiet 2>"$scratch/err"
}
fails_saving && die "weights that are not finite were saved"
grep -Eq '^lift: cannot write .*element [0-9]+: got .*(nan|inf)' "$scratch/err" || die "the element is not named"
[[ $(ls infinite/checkpoint_*) == infinite/checkpoint_00000000.safetensors ]] || die "checkpoints"
works "$lift" info infinite
