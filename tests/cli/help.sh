# SPDX-License-Identifier: MIT
# What a newcomer types first: help, version, and mistakes.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

commands=("dataset emoji" train export heatmap path judge generate "measure frechet" "measure kid"
  "measure precision-recall" "measure statistics" "measure pairs" "measure diversity" "measure mse"
  "plot heatmap" "plot diagonal-error" "plot paths" "plot losses" "plot frechet" "plot mse"
  "plot judge" "plot grid" info)

works "$lift" --help
for command in dataset train export heatmap path judge generate measure plot info; do says "^  $command "; done
works "$lift" --version
says '^lift [0-9]+\.[0-9]+\.[0-9]+ \((native|OFF|x86-64-v[234]), [a-z0-9.+]+\)$'

for command in "${commands[@]}"; do
  works "$lift" $command --help
  says '^Example:$'
  says "^  lift $command"
  says '--threads UINT=0'
  says '--json'
  fails 2 'unknown argument: --no-such-flag' "$lift" $command --no-such-flag
done

works "$lift" train --help
for default in --size UINT=64 --batch-size UINT=64 --epochs UINT=100 --seed UINT=42; do says "${default}"; done

fails 2 'subcommand' "$lift"
fails 2 'unknown argument: paint' "$lift" paint
fails 2 'output is required' "$lift" path --policy diagonal
fails 2 'unknown|want one of diagonal, log-snr, greedy, dp-64' "$lift" path --policy shortest --output p.json
fails 2 'steps.*got 0, want a whole number from 1' "$lift" path --policy diagonal --steps 0 --output p.json
fails 2 'steps' "$lift" path --policy diagonal --steps many --output p.json
fails 2 'looks at a heatmap' "$lift" path --policy dp-64 --output p.json
fails 2 'spacing means nothing to policy greedy' \
  "$lift" path --policy greedy --heatmap h.json --spacing leading --output p.json
fails 2 'want one of sound, reference' "$lift" path --policy diagonal --preset loud --output p.json
