# SPDX-License-Identifier: MIT
# A time limit plans how many steps fit, and the learning rate ends with the last of them.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 30 --quiet
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --lr 1e-3
  --sample-images 2 --sample-steps 4)

# shorter RUN ASKED LIMIT: what a run left that was to take ASKED steps, and planned fewer.
shorter() {
  grep -Eq "^Planned [0-9]+ of $2 steps: [0-9.e-]+ s a step, $3 s$" "$scratch/err" || die "no plan of $1"
  python3 - "$@" "$scratch/out" <<'PYTHON' || die "the plan of $1"
import json, sys
run, asked, limit = sys.argv[1], *map(int, sys.argv[2:4])
j = json.load(open(sys.argv[4]))
rates = [json.loads(line)["learning_rate"] for line in open(f"{run}/stats.jsonl")]
planned = json.load(open(f"{run}/config.json"))["planned_steps"]
assert j["stopped"] == "time limit" and j["of"] == asked and j["planned"] == planned, j
assert 0 < j["step"] <= planned < asked and len(rates) == j["step"], (j, len(rates))
# Another program may have had the processors at the end, or for all of the time.
assert j["seconds"] < limit + 2, j
assert rates[-1] < 0.1 * max(rates) or planned < 30, rates[-1]
PYTHON
}

works "${train[@]}" --outdir run --epochs 100000 --time-limit 3 --warmup 4 --ema 0.9 --save-every 1 \
  --sample-every 20 --json
shorter run 300000 3

# The plan belongs to the run: without a limit it goes on to its end, from wherever, to the same bytes.
before=$(ls run/checkpoint_* | tail -n 2 | head -n 1)
works "$lift" info "$before" --json
plan=$(python3 -c 'import json, sys; print(list(json.load(open(sys.argv[1])).values())[0]["settings"]["planned_steps"])' "$scratch/out")
last=$(printf 'checkpoint_%08d.safetensors' "$plan")
works "$lift" train --resume "$before" --outdir whole --json
json "j['stopped'] == 'done' and j['step'] == j['of'] == $plan and 'planned' not in j"
python3 - "$plan" <<'PYTHON' || die "the learning rate does not end with the plan"
import json, math, sys
last = json.loads(open("whole/stats.jsonl").readlines()[-1])
steps, warmup = int(sys.argv[1]), min(4, int(sys.argv[1]) // 2)
done = (steps - 1 - warmup) / (steps - warmup)
want = 1e-6 + (1e-3 - 1e-6) * (1 + math.cos(math.pi * done)) / 2
assert last["step"] == steps and abs(last["learning_rate"] - want) <= 1e-9 * want, (last, want)
PYTHON
works "$lift" train --resume "$before" --outdir parts --steps $((plan - 1)) --quiet
works "$lift" train --resume --outdir parts --steps $plan --quiet
cmp whole/stats.jsonl parts/stats.jsonl || die "other statistics"
if [[ -e run/$last ]]; then  # the limit did not end it before
  cmp run/$last whole/$last || die "another checkpoint"
fi
works "$lift" train --resume --outdir whole
grep -q "^Nothing to do: all $plan steps of a plan within a time limit are taken" "$scratch/err" || die "nothing said"

# A run that was interrupted and goes on within another limit plans again, no more than before.
"${train[@]}" --outdir stopped --epochs 100000 --time-limit 20 --warmup 100000 --sample-every 0 \
  >/dev/null 2>"$scratch/err" &
pid=$!
for ((wait = 0; wait < 600; ++wait)); do
  grep -q '^Planned' "$scratch/err" && break
  sleep 0.1
done
kill -TERM $pid
wait $pid && code=0 || code=$?
[[ $code == 143 ]] || die "exit code $code"
plan=$(python3 -c 'import json; print(json.load(open("stopped/config.json"))["planned_steps"])')
works "$lift" train --resume --outdir stopped --time-limit 1 --json
shorter stopped "$plan" 1

# A limit that is long enough changes nothing.
works "${train[@]}" --outdir free --epochs 20 --sample-every 0 --quiet
works "${train[@]}" --outdir limited --epochs 20 --sample-every 0 --time-limit 200 --json
json "j['stopped'] == 'done' and j['step'] == j['of'] == 60"
grep -q 'Planned [0-9]* of' "$scratch/err" && die "a plan of fewer steps"
for file in checkpoint_00000060.safetensors stats.jsonl config.json; do
  cmp free/$file limited/$file || die "another $file"
done

# A learning rate that stays the same is for any number of steps: nothing is recorded.
works "${train[@]}" --outdir constant --lr-schedule constant --epochs 100000 --time-limit 0.5 \
  --sample-every 0 --json
json 'j["stopped"] == "time limit" and 0 < j["step"] < j["of"] == 300000'
grep -q planned_steps constant/config.json && die "a plan was recorded"
works "$lift" train --resume --outdir constant --steps 1 --json
json 'j["stopped"] == "done"'

# There is a step however short the time.
works "${train[@]}" --outdir short --time-limit 1e-6 --json
json 'j["step"] == 1 and j["stopped"] == "time limit"'
