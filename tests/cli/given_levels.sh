# SPDX-License-Identifier: MIT
# Paths that are typed in or read from a list, in timesteps, σ or log-SNR, for every solver.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output data.zip --size 16 --max-images 16
works "$lift" train --data data.zip --size 16 --hidden-dims 8 --batch-size 8 --steps 2 --sample-every 0 --outdir run --quiet --schedule cosine-unclipped --prediction noise
generate=("$lift" generate --checkpoint run --num-images 2 --quiet)
# pixels A B: the second picture of both runs is the same.
pixels() {
  python3 - "$1/00001.png" "$2/00001.png" <<'PYTHON'
import struct, sys, zlib
def pixels(name):
    data = open(name, "rb").read()
    at, body = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            body += data[at + 8:at + 8 + size]
        at += 12 + size
    return zlib.decompress(body)
assert pixels(sys.argv[1]) == pixels(sys.argv[2]), sys.argv
PYTHON
}

# A list is the path that a policy or a file would be.
works "$lift" path --policy diagonal --steps 3 --output path.json
works "${generate[@]}" --path path.json --outdir by_file
works "${generate[@]}" --timesteps 999,666,332 --outdir typed
pixels by_file typed
printf '999 999\n666:666\n332\n' >list.txt
works "${generate[@]}" --timesteps list.txt --outdir listed
pixels by_file listed
works "${generate[@]}" --timesteps 999:999,500:999,499.5:250.25 --outdir apart

# σ and log-SNR of the schedule's own timesteps are these timesteps.
python3 - >levels.txt <<'PYTHON'
import math
def alpha_bar(t, s=0.008, n=1000):  # of the unclipped cosine, near enough to tell that units are right
    f = lambda x: math.cos((x / n + s) / (1 + s) * math.pi / 2) ** 2
    return f(t + 1) / f(0)
print(",".join(str(math.log(a / (1 - a))) for a in map(alpha_bar, [900, 500, 100])))
print(",".join(str(math.sqrt((1 - a) / a)) for a in map(alpha_bar, [900, 500, 100])))
PYTHON
for flag in --log-snrs --sigmas; do
  levels=$(sed -n "$([[ $flag == --log-snrs ]] && echo 1 || echo 2)p" levels.txt)
  works "${generate[@]}" $flag "$levels" --outdir "by$flag"
  python3 - "by$flag/generate.json" <<'PYTHON'
import json, sys
steps = json.load(open(sys.argv[1]))["settings"]["timesteps"]
assert all(abs(t - 900 + 400 * i) < 1 for i, step in enumerate(steps) for t in step), steps
PYTHON
done
for solver in ddim heun churned-heun dpm-2s dpm-2m dpm-3m unipc-2 unipc-3 sde-dpm-2m localisation; do
  works "${generate[@]}" --solver $solver --sigmas 80,10,1:2,0.1:0.5 --outdir "with_$solver"
done
works "${generate[@]}" --solver heun --sigmas 80,10,1:2,0.1:0.5 --outdir with_heun --resume

fails 1 "timesteps: step 2: got 'x', want a number" "${generate[@]}" --timesteps 5,x --outdir no
fails 1 'timesteps: step 1: got 3 numbers, want 1 or 2' "${generate[@]}" --timesteps 5:4:3 --outdir no
fails 1 'timesteps: step 1: got 0 numbers' "${generate[@]}" --timesteps '' --outdir no
printf '9\n\n5\n' >gap.txt
fails 1 'gap.txt: step 2: got 0 numbers' "${generate[@]}" --timesteps gap.txt --outdir no
fails 1 'timestep of sampling step 1: got 6, want at most 5' "${generate[@]}" --timesteps 5,6 --outdir no
fails 1 'timestep of sampling step 0: got 1000' "${generate[@]}" --timesteps 1000,6 --outdir no
fails 1 'sigmas: got -1, want numbers from 0' "${generate[@]}" --sigmas 3,-1 --outdir no
fails 2 'steps means nothing where the steps are given' "${generate[@]}" --sigmas 3,1 --steps 2 --outdir no
fails 2 'excludes' "${generate[@]}" --sigmas 3,1 --timesteps 5 --outdir no
fails 2 'eta means nothing to --solver heun' "${generate[@]}" --sigmas 3,1 --solver heun --eta 1 --outdir no

# Given images are changed by the last part of a path; by little of it, little.
works "$lift" generate --checkpoint run --num-images 2 --policy diagonal --steps 10 --init-image data.zip --strength 0.3 --outdir changed --quiet
python3 - <<'PYTHON'
import json
made = json.load(open("changed/generate.json"))["settings"]
assert [step[0] for step in made["timesteps"]] == [299, 199, 99], made
PYTHON
works "$lift" generate --checkpoint run --num-images 2 --timesteps 2 --init-image data.zip --strength 1 --outdir hardly --quiet
distance() {
  works "$lift" measure frechet --data "$1" --against data.zip --num-images 2 --size 16 --json
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["distance"])' "$scratch/out"
}
python3 -c 'import sys; a, b = map(float, sys.argv[1:]); assert a < 0.5 * b, (a, b)' "$(distance hardly)" "$(distance changed)"
fails 2 '--strength means nothing without --init-image' "${generate[@]}" --strength 0.3 --outdir no
fails 2 'strength.*got 0, want a number above 0, at most 1' "${generate[@]}" --init-image data.zip --strength 0 --outdir no
fails 1 'missing' "${generate[@]}" --init-image missing.png --outdir no
