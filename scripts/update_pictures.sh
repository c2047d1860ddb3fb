#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# update_pictures.sh: makes the pictures of the README anew, from what the quickstart leaves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/quickstart.sh
mkdir -p docs/images
cp out/quickstart/trained/{heatmap,log-snr,dp-64,dp-total}.png docs/images/
