# SPDX-License-Identifier: MIT
# Paths from denoising losses: `lift heatmap --error loss`, and the policies that look at them.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output data.zip --size 16 --max-images 16
works "$lift" train --data data.zip --size 16 --hidden-dims 8 --batch-size 8 --steps 2 --sample-every 0 --outdir run --quiet
heatmap=("$lift" heatmap --checkpoint run --data data.zip --points 3 --num-images 8 --quiet)
works "${heatmap[@]}" --error loss --output losses.json --npz losses.npz
works "${heatmap[@]}" --probes 1 --output jacobians.json --npz jacobians.npz --json
json 'j["npz"] == "jacobians.npz"'
python3 - <<'PYTHON'
import json
losses = json.load(open("losses.json"))
assert all(len(losses[name]) == 3 for name in ("fine", "coarse", "fine_error", "coarse_error")), losses
assert not any("wrt" in name for name in losses), losses
assert all(x > 0 for row in losses["fine"] for x in row), losses
PYTHON
# The same numbers as NumPy's arrays.
python3 - <<'PYTHON' || die "arrays of a heatmap"
import array, ast, json, zipfile
def numbers(file, name):
    data = zipfile.ZipFile(file).read(name + ".npy")
    start = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:start].decode())
    values = array.array({"<f8": "d", "<i8": "q", "|u1": "B"}[header["descr"]], data[start:])
    assert not header["fortran_order"]
    return header["shape"], values
for stem in "losses", "jacobians":
    want = json.load(open(stem + ".json"))
    names = {n[:-4] for n in zipfile.ZipFile(stem + ".npz").namelist()}
    assert names == want.keys() - {"format"}, names
    assert ("fine_wrt_coarse_error" in names) == (stem == "jacobians")
    assert json.loads(bytes(numbers(stem + ".npz", "settings")[1])) == want["settings"]
    for name in names - {"settings"}:
        flat = name in ("gamma", "timesteps")
        shape, values = numbers(stem + ".npz", name)
        assert shape == ((3,) if flat else (3, 3)), (name, shape)
        assert values.typecode == ("q" if name == "timesteps" else "d")
        assert list(values) == (want[name] if flat else sum(want[name], [])), name
PYTHON
for other in no.json ./no.json no.json.partial; do
  fails 2 'is another file of this command' "${heatmap[@]}" --output no.json --npz $other
done
fails 2 'data.zip is a file that is read' "${heatmap[@]}" --output no.json --npz data.zip
fails 1 'cannot write nowhere/no.npz' "${heatmap[@]}" --output no.json --npz nowhere/no.npz
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
