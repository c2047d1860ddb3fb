#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
source "$(dirname "$0")/common.sh"
install_lift
export PKG_CONFIG_PATH=$work/prefix/share/pkgconfig

# build PROGRAM MODULE
build() {
  # shellcheck disable=SC2046  # the flags are words
  "$compiler" -std=c++20 "consumer/$1.cpp" "consumer/$1"_*.cpp -o "$1" $(pkg-config --cflags --libs "$2")
  "./$1"
}
build plan lift-core
build compute lift
pkg-config --modversion lift-io
