#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# command.sh LIFT MPIEXEC: a training of ranks that each have a device is that of one.
mpiexec=$2
source "$(dirname "${BASH_SOURCE[0]}")/../../cli/common.bash"
export OMPI_MCA_btl_vader_backing_directory="$scratch"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 32 --quiet
train=(train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8 --sample-every 0 --quiet --backend cuda)
ranks() { timeout -k 5 300 "$mpiexec" -n "$1" --oversubscribe "$lift" "${@:2}"; }
# near FOLDER FOLDER: losses and gradients of each step differ in rounding alone.
near() {
  python3 - "$@" <<'END' || die "$1 and $2 are other trainings"
import json, math, sys
one, two = ([json.loads(line) for line in open(f"{folder}/stats.jsonl")] for folder in sys.argv[1:3])
assert len(one) == len(two) == 6, (len(one), len(two))
for a, b in zip(one, two):
    for name in ("loss", "gradient_norm"):
        assert math.isclose(a[name], b[name], rel_tol=1e-3), (a, b)
END
}
works "$lift" "${train[@]}" --steps 6 --outdir one
works ranks 2 "${train[@]}" --steps 6 --outdir two
near one two
works ranks 2 "${train[@]}" --steps 6 --shard-states --outdir sharded
near one sharded
works ranks 2 "${train[@]}" --steps 3 --outdir begun
works "$lift" train --outdir begun --resume --steps 6 --quiet
near one begun
