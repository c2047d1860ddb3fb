#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
source "$(dirname "$0")/common.sh"
install_lift
build_consumer -DCMAKE_PREFIX_PATH="$work/prefix"

# configure REQUEST [cmake options]: a project that asks for LIFT so and does nothing with it.
configure() {
  mkdir -p request
  echo "cmake_minimum_required(VERSION 3.25)
    project(request LANGUAGES CXX)
    find_package(lift $1 CONFIG REQUIRED)" >request/CMakeLists.txt
  cmake -S request -B request/build --fresh -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$work/prefix" "${@:2}" 2>&1 | tee request.log
}
# refuse MESSAGE REQUEST [cmake options]: the same must fail, with this message.
refuse() {
  if configure "${@:2}" || ! tr -s '\n ' ' ' <request.log | grep -q "$1"; then
    echo "find_package(lift $2) should have failed with: $1" >&2
    exit 1
  fi
}
configure "0.1 COMPONENTS core" -DCMAKE_DISABLE_FIND_PACKAGE_xtensor=ON
refuse "sudo apt-get install libxtensor-dev" "0.1" -DCMAKE_DISABLE_FIND_PACKAGE_xtensor=ON
refuse "LIFT has no component none" "0.1 COMPONENTS none"
refuse "requested version .0.2" "0.2"
