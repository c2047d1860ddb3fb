#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_levels.sh [FOLDER]: builds the `lift` command and benchmark_backends as they are installed, their CPU backend for
# each level of x86-64, in FOLDER (default build/levels), and runs them here and on emulated processors of each level. For
# Debian on x86-64: installs what the tests need, and qemu-user.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/levels}

./scripts/install_dependencies.sh --tests
if ! command -v qemu-x86_64 >/dev/null; then
  root=()
  ((EUID == 0)) || root=(sudo)
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends qemu-user
fi
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLIFT_NATIVE=x86-64-v2 -DLIFT_CUDA=OFF -DLIFT_CHECK_HEADERS=OFF
cmake --build "$build" -j "$(nproc)" --target lift_cli benchmark_backends
ctest --test-dir "$build" --output-on-failure -L '^levels$' --no-tests=error
