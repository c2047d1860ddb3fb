#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test.sh [--quick]: installs what the tests need, builds and passes all of them: all but the longest with clang++ under
# the address and undefined-behaviour sanitizers, those of threads under the thread sanitizer, then all with g++,
# optimised. --quick is the last alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=false
case ${1-} in
  "") ;;
  --quick) quick=true ;;
  *) echo "usage: $0 [--quick]" >&2; exit 2 ;;
esac
jobs=$(nproc)

# build PRESET [options of cmake --build]; CUDA code, where there is nvcc, for one device and without optimising the host's
# part of it, which waits for a device, and tests of LIFT's own kernels for the emulator (the preset emulated runs all of
# CUDA's there).
build() {
  echo "== $1: build (${SECONDS} s)"
  local said
  said=$(cmake --no-warn-unused-cli --preset "$1" -DCMAKE_CUDA_ARCHITECTURES=90 -DCMAKE_CUDA_FLAGS_RELEASE=-O0 -DLIFT_EMULATOR=ON)
  grep -E "lift::|Thrust|CUDA [0-9]" <<<"$said" || true
  cmake --build --preset "$1" -j "$jobs" "${@:2}" -- --quiet
}
# check PRESET [ctest options]
check() {
  echo "== $1: test (${SECONDS} s)"
  ctest --preset "$1" -j "$jobs" "${@:2}"
}

./scripts/install_dependencies.sh --tests
if ! $quick; then
  build asan
  check asan
  build tsan --target tests_of_threads
  check tsan -L '^threads$'
fi
build release
check release
