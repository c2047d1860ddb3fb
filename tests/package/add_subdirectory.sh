#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
source "$(dirname "$0")/common.sh"
build_consumer -DLIFT_SOURCE="$source"
