#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#SBATCH --job-name=lift-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue
# sbatch train.sh FLAGS...: `lift train FLAGS...` on all tasks, a rank each; it goes on with the run that is in --outdir, as
# where the job was requeued or is given again. A flag and its value are two words.
set -euo pipefail

flags=("$@") resumed=() outdir=""
while (($# > 0)); do
  case $1 in
    --from | --weights) shift ;;  # a run that goes on has them
    --overwrite | --resume) ;;
    --outdir) outdir=${2-} ;;&
    *) resumed+=("$1") ;;
  esac
  shift || break
done
[[ -n $outdir ]] || { echo "want --outdir FOLDER, two words, among: ${flags[*]}" >&2; exit 2; }
for checkpoint in "$outdir"/checkpoint_*.safetensors; do
  [[ ! -e $checkpoint ]] || flags=("${resumed[@]}" --resume)
done
exec srun --mpi=pmix --cpu-bind=cores "${LIFT:-lift}" train "${flags[@]}"
