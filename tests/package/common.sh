# SPDX-License-Identifier: MIT
# Sourced by WAY.sh COMPILER WORK_DIR: a clean work folder, and what more than one way needs.
set -euo pipefail
compiler=$1 work=$2
package=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$package/../.." && pwd)
rm -rf "$work"
mkdir -p "$work"
cd "$work"
unset CXXFLAGS LDFLAGS
cp -r "$package/consumer" consumer  # outside the tree, as a user's project is

# Installs LIFT to a prefix, then moves it: an installed tree must not know where it lies.
install_lift() {
  cmake -S "$source" -B lift -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_INSTALL_PREFIX="$work/first" \
    -DLIFT_BUILD_TESTS=OFF -DLIFT_BUILD_EXAMPLES=OFF -DLIFT_BUILD_BENCHMARKS=OFF
  cmake --install lift
  mv first prefix
}

# build_consumer [cmake options]
build_consumer() {
  cmake -S consumer -B build -DCMAKE_CXX_COMPILER="$compiler" "$@"
  cmake --build build
  ./build/plan
  ./build/compute
}
