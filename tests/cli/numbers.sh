# SPDX-License-Identifier: MIT
# Every numeric flag of every command takes its range and nothing else.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# refuses COMMAND FLAG VALUE: exit code 2 and one line that names the flag.
refuses() {
  local got=0
  "$lift" $1 "$2" "$3" >"$scratch/out" 2>"$scratch/err" || got=$?
  [[ $got == 2 && ! -s $scratch/out && $(<"$scratch/err") == "lift: $2: got "*", want a "* &&
    $(<"$scratch/err") != *$'\n'* ]] || die "not refused (exit code $got): $1 $2 '$3'"
}

# takes COMMAND FLAG VALUE: what is missed is another flag, which the command requires.
takes() {
  local got=0
  "$lift" $1 "$2" "$3" >"$scratch/out" 2>"$scratch/err" || got=$?
  [[ $got == 2 && $(<"$scratch/err") == *" is required"* ]] ||
    die "not taken (exit code $got): $1 $2 '$3'"
}

# Of every flag, what tells that it is read as a number of its kind and range; of two flags of each kind all else.
no_number=(nan 1e31) no_whole=(-1 1.5)
nor_number=("" inf -inf 1e400 +5 " 5" "5 " 0x10 five 5abc)
nor_whole=(5,5 1e3 18446744073709551616 -18446744073709551615)
commands=(train heatmap path judge generate "measure precision-recall" "measure diversity" "measure mse" "dataset emoji"
  "plot heatmap" "plot grid")

flags=0
for command in "${commands[@]}"; do
  while read -r flag kind; do
    [[ $flag == --threads && $command != train ]] && continue
    flags=$((flags + 1))
    values=("${no_number[@]}")
    [[ $kind == UINT ]] && values=("${no_whole[@]}")
    if [[ $flag =~ ^--(seed|size|lr|epoch)$ ]]; then
      values+=("${nor_number[@]}")
      [[ $kind == UINT ]] && values+=("${nor_whole[@]}")
    fi
    for value in "${values[@]}"; do refuses "$command" "$flag" "$value"; done
  done < <("$lift" $command --help | sed -nE 's/^ +(--[a-z-]+) (UINT|FLOAT).*/\1 \2/p')
done
[[ $flags -ge 45 ]] || die "only $flags numeric flags were found"

for value in "" 8,,8 ,8 8, 8,nan "8, 8" 8,0 8,70000 "[8,8]"; do refuses train --hidden-dims "$value"; done
while read -r command flag good bad; do
  takes "${command/_/ }" "$flag" "$good"
  refuses "${command/_/ }" "$flag" "$bad"
done <<'TABLE'
train --threads 0 1025
train --threads 1024 99999
train --size 8192 8193
train --seed 18446744073709551615 18446744073709551616
train --epochs 1000000000 1000000001
train --batch-size 1 0
train --grad-accum 1 0
train --hidden-dims 8,16 8,65537
train --warmup 0 1000000001
train --lr 1e-30 0
train --lr-last 1e30 1e31
train --weight-decay 0 -0.1
train --momentum 0 -0.1
train --clip 0 -1e-9
train --ema 1 1.0001
train --time-limit 0.5 0
train --steps 1 0
train --sample-images 1 0
heatmap --points 2 1
heatmap --gamma-min 1e-9 0
generate --eta 0 -0.5
generate --num-images 1 0
measure_frechet --num-images 0 -1
measure_precision-recall --neighbours 1 0
measure_diversity --num-pairs 1 0
measure_mse --epoch 0.5 -0.5
path --max-jump 1 0
plot_grid --columns 0 -1
TABLE
