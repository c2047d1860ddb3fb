#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test.sh [--quick]: installs what the tests need, builds and passes all of them: all but the longest with clang++ under
# the address and undefined-behaviour sanitizers, those of threads under the thread sanitizer, then all with g++.
# --quick is the last alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1-} in
  "") presets=(asan tsan test) ;;
  --quick) presets=(test) ;;
  *) echo "usage: $0 [--quick]" >&2; exit 2 ;;
esac
jobs=$(nproc)

./scripts/install_dependencies.sh --tests
for preset in "${presets[@]}"; do
  echo "== $preset: build (${SECONDS} s)"
  said=$(cmake --no-warn-unused-cli --preset "$preset")  # of CUDA, where there is none
  grep -E "lift::|Thrust|CUDA [0-9]" <<<"$said" || true
  cmake --build --preset "$preset" -j "$jobs" -- --quiet
  echo "== $preset: test (${SECONDS} s)"
  ctest --preset "$preset" -j "$jobs"
done
