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

# compiled_for_here NAME: so is the consumer's file NAME.cpp.
compiled_for_here() {
  grep -Eq -- "-m(arch|cpu)=native .*/$1[.]cpp" build/compile_commands.json
}

# build_consumer [cmake options]
build_consumer() {
  cmake -S consumer -B build -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@" 2>&1 | tee log
  if grep -q "lift_native" log; then
    echo "a project that calls lift_native is reminded of it" >&2
    exit 1
  fi
  if ! compiled_for_here compute || compiled_for_here plan; then
    echo "lift_native(compute) compiles another target for this processor, or does not compile that" >&2
    exit 1
  fi
  cmake --build build
  ./build/plan
  ./build/compute
}
