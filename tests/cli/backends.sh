# SPDX-License-Identifier: MIT
# --backend: every backend of the build trains, measures and samples as the CPU's, or says in one
# line that its device is missing.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 32 --quiet
train=("$lift" train --data emoji.zip --size 16 --hidden-dims 8,16 --batch-size 8 --quiet
  --sample-every 0)
works "${train[@]}" --outdir xtensor --steps 3
heatmap=("$lift" heatmap --checkpoint xtensor --data emoji.zip --points 2 --probes 1 --num-images 2)
generate=("$lift" generate --checkpoint xtensor --steps 4 --num-images 2)
works "${heatmap[@]}" --output xtensor.json
works "${generate[@]}" --outdir xtensor-images
works "$lift" measure mse --checkpoint xtensor --data emoji.zip --num-images 4 --output xtensor-mse.json

# near A B TOLERANCE: the numbers of two JSON files, line by line, are the same to a tolerance, but for standard
# errors, which are small differences.
near() {
  python3 - "$@" <<'PYTHON' || die "$1 and $2 differ"
import json, math, sys
def numbers(x):
    if isinstance(x, dict):
        return [n for key in sorted(x) if "error" not in key for n in numbers(x[key])]
    return [n for y in x for n in numbers(y)] if isinstance(x, list) else [x] * isinstance(x, float)
a, b = ([n for line in text for n in numbers(json.loads(line))]
        for text in ([open(f).read()] if f.endswith(".json") else list(open(f)) for f in sys.argv[1:3]))
assert len(a) == len(b) > 3 and all(math.isclose(x, y, rel_tol=float(sys.argv[3])) for x, y in zip(a, b)), (a, b)
PYTHON
}

works "$lift" train --help
backends=$(grep -o -- '--backend [^ =]*' "$scratch/out" | cut -d ' ' -f 2 | tr '|' ' ')
fails 2 "got \"abacus\", want one of xtensor" "${train[@]}" --outdir abacus --backend abacus
# CUDA's libraries are opened when they are asked for, and one that is no library is told of.
! ldd "$lift" | grep -E 'libcu(da|blas|dnn)' || die "the command loads CUDA's libraries"
if [[ $backends == *cuda* ]]; then
  mkdir broken
  : >broken/liblift_engine_cuda.so
  LD_LIBRARY_PATH=$PWD/broken${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
    fails 1 "--backend cuda cannot be loaded: " "${train[@]}" --outdir none --backend cuda
fi
for backend in $backends; do
  [[ $backend != xtensor ]] || continue
  if [[ $backend == cuda* && -z ${LIFT_EMULATED_KERNELS-} ]] && ! nvidia-smi >/dev/null 2>&1; then
    fails 1 "no CUDA device can be used: " "${train[@]}" --outdir none --backend "$backend"
    fails 1 "no CUDA device can be used: " "${generate[@]}" --outdir none --backend "$backend"
    continue
  fi
  works "${train[@]}" --outdir "$backend" --steps 2 --backend "$backend"
  works "$lift" train --outdir "$backend" --resume --steps 3 --quiet
  grep -q "\"backend\": \"$backend\"" "$backend/env.json" || die "another backend than $backend"
  works "${heatmap[@]}" --backend "$backend" --output "$backend.json"
  works "${generate[@]}" --backend "$backend" --outdir "$backend-images"
  works "$lift" measure mse --checkpoint xtensor --data emoji.zip --num-images 4 \
    --backend "$backend" --output "$backend-mse.json"
  [[ $backend != cuda-* ]] || continue  # rounded products
  tolerance=1e-4
  [[ $backend != xtensor-bf16 ]] || tolerance=0.03  # rounded factors
  near xtensor/stats.jsonl "$backend/stats.jsonl" "$tolerance"
  near xtensor.json "$backend.json" "$tolerance"
  near xtensor-mse.json "$backend-mse.json" "$tolerance"
done
