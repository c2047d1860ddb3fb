#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# preprocessed_lines.sh COMPILER INCLUDE_DIRS: how many lines a program gets by an include, as the preprocessor of
# GCC 12 counts them on any machine; INCLUDE_DIRS are LIFT's and those of what it needs, with colons between.
set -euo pipefail
compiler=$1 include=${2%%:*}
export CPATH=$2

[[ $("$compiler" -dumpversion) == 12 ]] || { echo "the limits are those of GCC 12's headers"; exit 77; }
cd "$include"
failed=0
# holds NAME LIMIT HEADER...
holds() {
  local name=$1 limit=$2 lines
  lines=$(printf '#include <%s>\n' "${@:3}" |
    "$compiler" -std=c++20 -DXTENSOR_USE_XSIMD -E -P -x c++ - | wc -l)
  echo "$name: $lines lines, limit $limit"
  ((lines <= limit)) || failed=1
}
holds "schedule and path" 34400 lift/schedule/*.hpp lift/path/*.hpp
holds "regimes" 29600 lift/train/any_regime.hpp
holds "lift.hpp" 157000 lift/lift.hpp
exit $failed
