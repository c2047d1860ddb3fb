#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_aarch64.sh [FOLDER]: cross-compiles the `lift` command and the tests of backends and primitives for 64-bit ARM
# and runs them on an emulator: none on a machine of that kind is needed. For Debian on x86-64; installs a cross compiler
# and qemu-user, and unpacks ARM's packages in FOLDER (default build/aarch64), where nothing else sees them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-build/aarch64}
mkdir -p "$folder/packages"
folder=$(realpath "$folder")
root=$folder/root
as_root=()
((EUID == 0)) || as_root=(sudo)

./scripts/install_dependencies.sh --tests
needed=(g++-aarch64-linux-gnu qemu-user)
if ! dpkg-query -W "${needed[@]}" >/dev/null 2>&1 || ! dpkg --print-foreign-architectures | grep -qx arm64; then
  "${as_root[@]}" dpkg --add-architecture arm64
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${needed[@]}"
fi

if [[ ! -e $root/complete ]]; then
  libraries=(libc6 libopenblas libpng libjpeg62-turbo libwebp libgif libarchive nettle libfreetype libboost-test)
  for_all=(libxtensor-dev xtl-dev libxsimd-dev libxtensor-blas-dev libeigen3-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev)
  mapfile -t packages < <(apt-get -s install --no-install-recommends "${libraries[@]/%/-dev:arm64}" |
    awk '$1 == "Inst" && $2 ~ /:arm64$/ { print $2 }')
  (cd "$folder/packages" && apt-get download -q "${packages[@]}" "${for_all[@]}")
  for package in "$folder"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done
  # Packages for every machine have these in the folder of one; Debian's alternatives would make the links.
  cp -R "$root"/usr/lib/x86_64-linux-gnu/cmake/. "$root/usr/lib/aarch64-linux-gnu/cmake"
  ln -sf openblas-pthread/libopenblas.so "$root/usr/lib/aarch64-linux-gnu/libopenblas.so"
  ln -sf openblas-pthread/libopenblas.so.0 "$root/usr/lib/aarch64-linux-gnu/libopenblas.so.0"
  touch "$root/complete"
fi

cat >"$folder/toolchain.cmake" <<CMAKE
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_SYSROOT $root)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;$root)
CMAKE
build=$folder/build
cmake -S . -B "$build" -G Ninja --toolchain "$folder/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release -DLIFT_CUDA=OFF \
  -DLIFT_THRUST=OFF -DLIFT_CHECK_HEADERS=OFF -DLIFT_BUILD_BENCHMARKS=OFF -DLIFT_TEST_TIMEOUT=3600 \
  -DCMAKE_CXX_FLAGS=-Wno-psabi  # notes of what GCC 10 changed
cmake --build "$build" -j "$(nproc)" --target lift_cli test_backend test_op test_tensor
ctest --test-dir "$build" --output-on-failure -L '^(backend|op|tensor)$'
qemu-aarch64 -L "$root" "$build/bin/lift" --version
