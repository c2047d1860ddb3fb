# SPDX-License-Identifier: MIT
# The studies of examples/study are understood, made small, and one is run whole.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 40 --quiet
for file in "$(dirname "${BASH_SOURCE[0]}")"/../../examples/study/*.toml; do
  name=$(basename "$file" .toml)
  sed -e '1i batch-size = 2' -e 's/^\[train\]/[train]\nhidden-dims = 8\nbatch-size = 4/' \
    -e '/^hidden-dims/d; /^batch-size/d; /^attention-levels/d; /^points/d; /^backend/d; /^features/d; /^protocol/d; /^warmup/d' \
    -e 's/^size = .*/size = 16/; s/^num-images = .*/num-images = 2/; s/^data = .*/data = "emoji.zip"/' "$file" >"$name.toml"
  works "$lift" study "$name.toml" --outdir "$name" --only "train baseline" --dry-run
done
# One is run whole: fewer epochs of fewer images.
sed -i 's/^epochs = 12/epochs = 2/; s/^epochs = \[2, 6, 12\]/epochs = [1, 2]/; s/^steps = \[6, 10, 18\]/steps = [2, 3]/; s/^steps = 18/steps = 2/
  s/^\[heatmap\]/[heatmap]\npoints = 3/; s/^probes.*/probes = 1/' quick.toml
works "$lift" study quick.toml --outdir quick --quiet
[[ -s quick/report.html ]] || die "no report of the quick study"
