#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ranks.sh RANKS PROGRAM: the test as so many processes that find each other in a folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
jobs=()
for ((rank = 0; rank < $1; ++rank)); do
  mkdir -p "$folder/ranks"
  LIFT_TEST_FOLDER=$folder/ranks LIFT_TEST_RANK=$rank LIFT_TEST_RANKS=$1 "$2" >"$folder/$rank" 2>&1 &
  jobs+=($!)
done
failed=0
for ((rank = 0; rank < $1; ++rank)); do
  wait "${jobs[rank]}" || failed=1
  sed "s/^/rank $rank: /" "$folder/$rank"
done
exit $failed
