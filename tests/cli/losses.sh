# SPDX-License-Identifier: MIT
# Paths from denoising losses: `lift heatmap --error loss`, and the policies that look at them.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output data.zip --size 16 --max-images 16
works "$lift" train --data data.zip --size 16 --hidden-dims 8 --batch-size 8 --steps 2 --sample-every 0 --outdir run --quiet
heatmap=("$lift" heatmap --checkpoint run --data data.zip --points 3 --num-images 8 --quiet)
works "${heatmap[@]}" --error loss --output losses.json
works "${heatmap[@]}" --probes 1 --output jacobians.json
python3 - <<'PYTHON'
import json
losses = json.load(open("losses.json"))
assert all(len(losses[name]) == 3 for name in ("fine", "coarse", "fine_error", "coarse_error")), losses
assert not any("wrt" in name for name in losses), losses
assert all(x > 0 for row in losses["fine"] for x in row), losses
PYTHON
for policy in path-kl path-kl-diagonal; do
  works "$lift" path --policy $policy --heatmap losses.json --steps 6 --output $policy.json
  works "$lift" generate --checkpoint run --path $policy.json --num-images 1 --outdir with_$policy --quiet
  fails 1 'got errors of Jacobians, want losses' \
    "$lift" path --policy $policy --heatmap jacobians.json --steps 6 --output no.json
done
python3 - <<'PYTHON'
import json
steps = json.load(open("path-kl-diagonal.json"))["timesteps"]
assert len(steps) == 6 and all(fine == coarse for fine, coarse in steps), steps
PYTHON
works "$lift" plot heatmap --heatmap losses.json --path path-kl.json --output losses.png
