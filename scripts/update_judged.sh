#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# update_judged.sh LIFT: writes the tables of docs/judged.md anew, with the `lift` command that is given.
set -euo pipefail
lift=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
{
  cat <<'TEXT'
# What paths and solvers are worth on fields that are known exactly

Squared 2-Wasserstein distance between the images that are made and the field, over the total variance; the columns are
evaluations of the exact denoiser, the nearest path of each in bold. A path of two clocks is followed by its control, its
spacing laid on the diagonal; the two other controls, the optimised diagonal and one scale alone, are in every table.
[Which path to take](paths.md) says how to read them. `scripts/update_judged.sh` writes this page.

## From unit noise, on the reference's schedule

TEXT
  "$lift" judge --spectrum 2,3 --solver ddim,dpm-2m --quiet
  printf '## From unit noise, on levels as noisy as noise (λ from −10.5)\n\n'
  "$lift" judge --spectrum 2,3 --solver ddim,dpm-2m,unipc-2,dpm-3m,unipc-3 --first-log-snr -10.5 --steps 6,10,18 --quiet
  printf '## From the field itself with noise\n\n'
  "$lift" judge --spectrum 2 --solver ddim,dpm-2m --start exact --steps 6,10,18 --quiet
  printf '## Orthonormal scales: means and Haar details\n\n'
  "$lift" judge --spectrum 2 --solver ddim,dpm-2m --pyramid haar --steps 6,10,18 --quiet
} >docs/judged.md.new
mv docs/judged.md.new docs/judged.md
