#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
source "$(dirname "$0")/common.sh"
build_consumer -DLIFT_SOURCE="$source"

# Without lift_native it is told once.
sed -i /lift_native/d consumer/CMakeLists.txt
cmake -S consumer -B reminded -DCMAKE_CXX_COMPILER="$compiler" -DLIFT_SOURCE="$source" 2>&1 | tee log
[[ $(grep -c "without lift_native" log) == 1 ]]
