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
# reminds TIMES REQUEST [cmake options]: it is told so often that it did not call lift_native.
reminds() {
  configure "${@:2}"
  local times
  times=$(grep -c "without lift_native" request.log || true)
  [[ $times == "$1" ]] || { echo "find_package(lift $2) ${*:3}: $times notices, want $1" >&2; exit 1; }
}
reminds 1 "0.1 CONFIG REQUIRED)
    find_package(lift 0.1"
reminds 0 "0.1 COMPONENTS core" -DCMAKE_DISABLE_FIND_PACKAGE_xtensor=ON
reminds 0 "0.1" -DLIFT_NO_NATIVE_NOTICE=ON
reminds 0 "0.1" -DCMAKE_CXX_FLAGS=-march=native
reminds 0 "0.1" -DCMAKE_CXX_FLAGS_RELEASE=-march=native -DCMAKE_BUILD_TYPE=Release
# build_with COMPONENT LANGUAGE EXTENSION: a program that includes what the component brings.
build_with() {
  [[ -e prefix/share/cmake/lift/lift_$1.cmake ]] || return 0
  mkdir -p "with_$1"
  printf '#include <lift/%s.hpp>\nint main() { return 0; }\n' "$1" >"with_$1/main.$3"
  echo "cmake_minimum_required(VERSION 3.25)
    project(with_$1 LANGUAGES CXX $2)
    find_package(lift 0.1 CONFIG REQUIRED COMPONENTS $1)
    add_executable(with_$1 main.$3)
    target_link_libraries(with_$1 PRIVATE lift::$1)" >"with_$1/CMakeLists.txt"
  cmake -S "with_$1" -B "with_$1/build" -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_CUDA_ARCHITECTURES=90 -DCMAKE_PREFIX_PATH="$work/prefix"
  cmake --build "with_$1/build"
  "./with_$1/build/with_$1"
}
build_with thrust "" cpp
build_with cuda CUDA cu
build_with nccl CUDA cu
build_with mpi "" cpp
refuse "sudo apt-get install libxtensor-dev" "0.1" -DCMAKE_DISABLE_FIND_PACKAGE_xtensor=ON
refuse "LIFT has no component none" "0.1 COMPONENTS none"
refuse "requested version .0.2" "0.2"
refuse 'a processor to compile for: got "x86-64-v9", want one of' "0.1)
    add_library(own INTERFACE)
    lift_native(own x86-64-v9)  # "
