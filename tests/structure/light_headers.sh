#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# light_headers.sh COMPILER INCLUDE_DIR: all of schedule/ and path/ compiles in under 2 s of processor time.
set -euo pipefail
compiler=$1 include=$2 limit=2

unit=$(mktemp --suffix=.cpp)
trap 'rm -f "$unit"' EXIT
(cd "$include" && printf '#include <%s>\n' lift/schedule/*.hpp lift/path/*.hpp) >"$unit"

TIMEFORMAT=%U
best=$(for _ in 1 2 3; do
  { time "$compiler" -std=c++20 -I"$include" -c "$unit" -o /dev/null; } 2>&1
done | sort -n | head -1)
echo "$(wc -l <"$unit") headers of schedule and path: $best s of processor time, limit $limit s"
awk "BEGIN { exit !($best < $limit) }"
