# SPDX-License-Identifier: MIT
# A time limit plans how many steps fit, and the learning rate ends with the last of them.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 30 --quiet
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --lr 1e-3 --lr-last 1e-6
  --save-every 0)
planned() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["planned_steps"])' "$1/config.json"; }

# shorter RUN ASKED LIMIT: what a run said and left that was to take ASKED steps, and planned fewer.
shorter() {
  grep -Eq "^Planned [0-9]+ of $2 steps: [0-9.e-]+ s a step, $3 s$" "$scratch/err" || die "no plan of $1"
  json "j['stopped'] == 'time limit' and j['of'] == $2 and j['planned'] == $(planned "$1")"
  json "0 < j['step'] <= j['planned'] < $2 and j['step'] == $(wc -l <"$1/stats.jsonl")"
}

# The learning rate ends with the plan. Where another program has the processors or the disk just then, the limit may
# end a run before its plan does: then once more, with more time.
annealed=false
for limit in 3 6 12 24; do
  works "${train[@]}" --outdir run --epochs 100000 --time-limit $limit --warmup 2 --sample-every 20 \
    --sample-images 2 --sample-steps 4 --json --overwrite
  shorter run 300000 $limit
  python3 - "$scratch/out" <<'PYTHON' && annealed=true && break
import json, sys
j = json.load(open(sys.argv[1]))
rates = [json.loads(line)["learning_rate"] for line in open("run/stats.jsonl")]
sys.exit(not (j["step"] == j["planned"] and rates[-1] < 0.1 * max(rates)))
PYTHON
done
$annealed || die "no run reached the end of its plan with its learning rate annealed"

# The plan belongs to the run: without a limit it goes on to its end, in parts to the same bytes.
"${train[@]}" --outdir stopped --epochs 100000 --time-limit 3 --warmup 100000 --sample-every 0 \
  >/dev/null 2>"$scratch/said" &
pid=$!
for ((wait = 0; wait < 600; ++wait)); do
  grep -q '^Planned' "$scratch/said" 2>/dev/null && break
  sleep 0.1
done
kill -TERM $pid
wait $pid && code=0 || code=$?
[[ $code == 143 ]] || die "exit code $code"
plan=$(planned stopped)
here=$(wc -l <stopped/stats.jsonl)
from=stopped/$(printf 'checkpoint_%08d.safetensors' "$here")
works "$lift" train --resume "$from" --outdir whole --json
json "j['stopped'] == 'done' and j['step'] == j['of'] == $plan and 'planned' not in j"
python3 - "$plan" <<'PYTHON' || die "the learning rate does not end with the plan"
import json, math, sys
steps = int(sys.argv[1])
warmup = steps // 2  # which --warmup would be more than
last = json.loads(open("whole/stats.jsonl").readlines()[-1])
done = (steps - 1 - warmup) / (steps - warmup)
want = 1e-6 + (1e-3 - 1e-6) * (1 + math.cos(math.pi * done)) / 2
assert last["step"] == steps and abs(last["learning_rate"] - want) <= 1e-9 * want, (last, want)
PYTHON
works "$lift" train --resume "$from" --outdir parts --steps $((here + 3)) --quiet
works "$lift" train --resume --outdir parts --steps $((here + 6)) --quiet
cmp <(head -n 6 whole/stats.jsonl) <(head -n 6 parts/stats.jsonl) || die "other statistics"
works "$lift" train --resume --outdir whole
grep -q "^Nothing to do: all $plan steps of a plan within a time limit are taken" "$scratch/err" || die "nothing said"

# Within another limit it plans again, no more than before.
works "$lift" train --resume --outdir stopped --time-limit 1e-6 --json
shorter stopped "$plan" 1e-06

# A limit that is long enough changes nothing.
works "${train[@]}" --outdir free --epochs 20 --sample-every 0 --quiet
works "${train[@]}" --outdir limited --epochs 20 --sample-every 0 --time-limit 200 --json
json "j['stopped'] == 'done' and j['step'] == j['of'] == 60"
grep -q 'Planned [0-9]* of' "$scratch/err" && die "a plan of fewer steps"
for file in checkpoint_00000060.safetensors stats.jsonl config.json; do
  cmp free/$file limited/$file || die "another $file"
done

# A learning rate that stays the same is for any number of steps: nothing is recorded.
works "$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --outdir constant \
  --lr-schedule constant --epochs 100000 --time-limit 0.5 --sample-every 0 --json
json 'j["stopped"] == "time limit" and 0 < j["step"] < j["of"] == 300000'
grep -q planned_steps constant/config.json && die "a plan was recorded"
works "$lift" train --resume --outdir constant --steps 1 --json
json 'j["stopped"] == "done"'

# There is a step however short the time.
works "${train[@]}" --outdir short --time-limit 1e-6 --sample-images 2 --sample-steps 4 --json
json 'j["step"] == 1 and j["stopped"] == "time limit"'
