#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install_dependencies.sh [--tests]: installs the Debian packages that LIFT needs; with --tests also
# those that only its tests and benchmarks need. Does nothing where all are installed.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config
  libxtensor-dev libxsimd-dev libxtensor-blas-dev libopenblas-dev libeigen3-dev
  libcli11-dev nlohmann-json3-dev libtomlplusplus-dev
  libpng-dev libjpeg62-turbo-dev libwebp-dev libgif-dev libarchive-dev nettle-dev libfreetype-dev
  gnuplot-nox fonts-noto-color-emoji fonts-dejavu-core
)
case ${1-} in
  "") ;;
  --tests) packages+=(clang libclang-rt-14-dev python3 libboost-test-dev libbenchmark-dev libthrust-dev libomp-dev libopenmpi-dev openmpi-bin iproute2 procps) ;;
  *) echo "usage: $0 [--tests]" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "This script knows Debian's packages only. Install the equivalents of:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "All ${#packages[@]} packages are installed."
  exit 0
fi

root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages, and neither root nor sudo to install them. Ask an administrator to run:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi
echo "Installing ${missing[*]}"
"${root[@]}" apt-get update -q
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
