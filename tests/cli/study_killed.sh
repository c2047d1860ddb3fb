# SPDX-License-Identifier: MIT
# A study ends with the same files whenever and however often it was killed.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 40 --quiet
cp "$(dirname "${BASH_SOURCE[0]}")/small_study.toml" study.toml
works "$lift" study study.toml --outdir out --quiet
mv out first
set -m  # what runs in the background is a group of its own
for ((kills = 0; ; ++kills)); do
  code=0 milliseconds=$(((150 + RANDOM % 800) * (5 + kills) / 5))  # longer each time, so that it comes to an end
  printf -v seconds %d.%03d $((milliseconds / 1000)) $((milliseconds % 1000))
  "$lift" study study.toml --outdir out --quiet >"$scratch/out" 2>"$scratch/err" &
  sleep $seconds
  kill -KILL -- -$! 2>"$scratch/gone" || true  # it and what it runs, unless it came to an end
  wait $! 2>"$scratch/gone" || code=$?
  [[ $code != 0 ]] || break
  [[ $code == 137 ]] || die "exit code $code after $kills kills"
done
rm first/times.json out/times.json
diff -rq first out || die "other files after $kills kills"
