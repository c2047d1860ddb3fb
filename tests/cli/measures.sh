# SPDX-License-Identifier: MIT
# Sets of images are compared by what networks see in them, with numbers that say what they are.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

export XDG_CACHE_HOME=$PWD/cache
works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 150 --quiet
mkdir real made few
python3 - <<'PYTHON'
import zipfile
names = sorted(n for n in zipfile.ZipFile("emoji.zip").namelist() if n.endswith(".png"))
for i, name in enumerate(names):
    data = zipfile.ZipFile("emoji.zip").read(name)
    for folder in ["real"] if i < 70 else ["made"] if i < 140 else []:
        open(f"{folder}/{i % 70:03}.png", "wb").write(data)
    if i < 3: open(f"few/{i}.png", "wb").write(data)
PYTHON

# Weights of SqueezeNet and of AlexNet with LPIPS's heads, none that anyone trained.
python3 - <<'PYTHON'
import array, json, math, os, random, struct
random.seed(1)
def write(file, shapes):
    header, parts, at = {}, [], 0
    for name, shape in shapes:
        size = math.prod(shape)
        bound = 0.01 if len(shape) == 1 else math.sqrt(6 * shape[0] / size)
        low = 0 if name.startswith("lin") else -bound
        values = array.array("f", (random.uniform(low, bound) for _ in range(size)))
        parts.append(values.tobytes())
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * size]}
        at += 4 * size
    text = json.dumps(header).encode()
    os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
    open(file, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(parts))
def layer(name, out, inputs, kernel):
    return [(name + ".weight", [out, inputs, kernel, kernel]), (name + ".bias", [out])]
squeezenet, inputs = layer("conv1", 64, 3, 3), 64
for i, (squeezed, expanded) in enumerate([(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)]):
    fire = f"fire{i + 2}."
    squeezenet += (layer(fire + "squeeze1x1", squeezed, inputs, 1) + layer(fire + "expand1x1", expanded, squeezed, 1)
                   + layer(fire + "expand3x3", expanded, squeezed, 3))
    inputs = 2 * expanded
write("cache/lift/features/squeezenet1_1.safetensors", squeezenet)
alexnet = []
for i, out, inputs, kernel in (0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3):
    alexnet += layer(f"features.{i}", out, inputs, kernel)
write("alexnet.safetensors", alexnet + [(f"lin{l}.model.1.weight", [1, c, 1, 1]) for l, c in enumerate([64, 192, 384, 256, 256])])
PYTHON

sets=(--data made --against real --size 16 --quiet)
works "$lift" measure frechet "${sets[@]}" --json --output scattering.json
json 'j["measure"] == "Fréchet distance" and j["extractor"] == "haar-scattering" and j["images"] == 70'
squeezenet=(--features squeezenet1_1)
works "$lift" measure frechet "${sets[@]}" "${squeezenet[@]}" --json
json 'j["distance"] > 0 and j["features"] == 512 and j["measure"] == "Fréchet distance"'
json 'j["protocol"].endswith("then 227x227 (bilinear, not antialiased); not FID")'
digest=$(sha256sum cache/lift/features/squeezenet1_1.safetensors | cut -d ' ' -f 1)
json "j['weights_sha256'] == '$digest'"
cp "$scratch/out" direct.json

# Statistics that were kept give the same numbers, on either side.
for folder in made real; do
  works "$lift" measure statistics --data $folder --size 16 "${squeezenet[@]}" --keep-features --output $folder.npz --quiet
done
python3 - <<'PYTHON' || die "arrays of a .npz file"
import zipfile
assert sorted(zipfile.ZipFile("made.npz").namelist()) == ["about.npy", "count.npy", "feats.npy", "mu.npy", "sigma.npy"]
assert b"'descr': '<f8'" in zipfile.ZipFile("made.npz").read("mu.npy")[:128]
PYTHON
kept=(--data made.npz --against real.npz --size 16 --quiet --json)
works "$lift" measure frechet "${kept[@]}" "${squeezenet[@]}"
json 'abs(j["distance"] / json.load(open("direct.json"))["distance"] - 1) < 1e-9 and j["images"] == 70'
works "$lift" measure kid "${kept[@]}" "${squeezenet[@]}"
json 'j["measure"] == "kernel distance" and j["standard_error"] > 0'
works "$lift" measure precision-recall "${kept[@]}" "${squeezenet[@]}"
json '0 <= j["precision"] <= 1 and 0 <= j["recall"] <= 1 and j["neighbours"] == 3'
works "$lift" measure precision-recall --data real --against real --size 16 --quiet --json
json 'j["precision"] == j["recall"] == 1'
works "$lift" measure frechet --data emoji.zip --against real --size 16 --quiet --json --extrapolate
json 'len(j["extrapolated"]) == 2 and j["extrapolated"][0] < j["distance"]'
works "$lift" measure statistics --data real --size 16 --output scattering.npz --quiet
works "$lift" measure frechet --data made --against scattering.npz --size 16 --quiet --json
json 'abs(j["distance"] / json.load(open("scattering.json"))["distance"] - 1) < 1e-9'

# What cannot be compared.
fails 1 'extractor of direct.json: got "squeezenet1_1", want "haar-scattering" as of scattering.json' \
  "$lift" plot frechet --result scattering.json direct.json --output out.png
fails 1 'extractor of made.npz: got "squeezenet1_1", want|features in made.npz: got 512' \
  "$lift" measure frechet "${kept[@]}"
fails 1 'size of made.npz: got 16, want 32' "$lift" measure frechet --data made.npz --against real --size 32 --quiet "${squeezenet[@]}"
fails 1 'features of each image in scattering.npz: got none' \
  "$lift" measure kid --data made --against scattering.npz --size 16 --quiet
fails 1 'no .*vgg16.safetensors, want that file, from scripts/fetch_features.py vgg16' \
  "$lift" measure frechet "${sets[@]}" --features vgg16
fails 1 "no tensor 'Conv2d_1a_3x3.weight' in alexnet.safetensors" \
  "$lift" measure frechet "${sets[@]}" --features inception --weights alexnet.safetensors
fails 2 'protocol is for --features inception' "$lift" measure frechet "${sets[@]}" --protocol clean-fid
fails 2 'weights is for features of a network' "$lift" measure frechet "${sets[@]}" --weights alexnet.safetensors
head -c 300 real.npz >cut.npz
fails 1 'cut.npz' "$lift" measure frechet --data cut.npz --against real --size 16 --quiet
cp few/0.png text.npz
fails 1 'text.npz: not a whole zip or tar file' "$lift" measure frechet --data text.npz --against real --size 16 --quiet
fails 1 'images of an extrapolated Fréchet distance: got 70' "$lift" measure frechet "${sets[@]}" --extrapolate
fails 1 'images of precision and recall: got 3' "$lift" measure precision-recall --data few --against real --size 16 --quiet
fails 2 'real.npz is a file that is read' "$lift" measure statistics --data real.npz --size 16 --output real.npz

# Statistics of another program do not say what they are of.
python3 - <<'PYTHON'
import zipfile
with zipfile.ZipFile("real.npz") as a, zipfile.ZipFile("other.npz", "w", zipfile.ZIP_DEFLATED) as b:
    for name in "mu.npy", "sigma.npy": b.writestr(name, a.read(name))
PYTHON
works "$lift" measure frechet --data made --against other.npz --size 16 --quiet --json "${squeezenet[@]}"
json 'abs(j["distance"] / json.load(open("direct.json"))["distance"] - 1) < 1e-9 and j["images_against"] is None'
grep -q 'other.npz does not say what its features are' "$scratch/err" || die "no warning"

# Images beside those that they should be.
works "$lift" measure pairs --data made --against real --size 16 --measures psnr,ssim --quiet --json
json '5 < j["psnr"][0] < 30 and -1 < j["ssim"][0] < 1 and j["images"] == 70'
lpips=(--weights alexnet.safetensors --size 48 --quiet --json)
works "$lift" measure pairs --data few --against few --measures ssim,lpips "${lpips[@]}"
json 'abs(j["ssim"][0] - 1) < 1e-9 and j["lpips"][0] == 0 and j["network"] == "alexnet"'
works "$lift" measure diversity --data made --num-pairs 20 "${lpips[@]}"
json 'j["diversity"][0] > 0 and j["pairs"] == 20'
works "$lift" measure pairs --data real --against few --num-images 3 --size 16 --quiet --json --measures ssim
fails 1 'images of --against: got 3, want 70' "$lift" measure pairs --data real --against few --size 16 --quiet
fails 1 'pairs that differ: got 0' "$lift" measure pairs --data few --against few --size 16 --quiet --measures psnr
fails 1 'smaller side of images for a network of features: got 16, want at least 31' \
  "$lift" measure diversity --data made --weights alexnet.safetensors --size 16 --quiet
fails 2 'want one of psnr, ssim, lpips' "$lift" measure pairs --data few --against few --measures mse
