# SPDX-License-Identifier: MIT
# What a command writes: refused before work where it cannot be written, kept once it is finished,
# gone on with, and nothing of anyone else's touched.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output data.zip --size 16 --max-images 12 --quiet
works "$lift" train --data data.zip --outdir run --size 16 --hidden-dims 8 --steps 2 --batch-size 4 \
  --ema 0 --sample-every 0 --quiet
generate=("$lift" generate --checkpoint run --num-images 9 --batch-size 4 --steps 3 --quiet)
heatmap=("$lift" heatmap --checkpoint run --data data.zip --points 4 --num-images 2 --probes 1 --quiet)

# with FLAG VALUE NAME: sets `changed` to the command of that name with this value of the flag.
with() {
  local -n command=$3
  local i found=no
  changed=("${command[@]}")
  for i in "${!changed[@]}"; do
    [[ ${changed[i]} == "$1" ]] && changed[i + 1]=$2 && found=yes
  done
  [[ $found == yes ]] || changed+=("$1" "$2")
}
# same FOLDER: all in it is as in whole/.
same() {
  diff -r whole "$1" >"$scratch/err" || die "$1 is not as whole"
}
# stops SIGNAL FILE PATTERN COMMAND...: in the new folder stopped/ the signal ends it once FILE is
# there, and it says PATTERN. A machine may be too busy to send it in time: then once more.
stops() {
  local signal=$1 file=$2 pattern=$3 code tries=0
  shift 3
  while rm -rf stopped && mkdir stopped; do
    "$@" >"$scratch/out" 2>"$scratch/err" &
    while [[ ! -e $file ]] && kill -0 $! 2>/dev/null; do sleep 0.01; done
    kill -"$signal" $! 2>/dev/null || true
    code=0
    wait $! 2>/dev/null || code=$?
    [[ $code == 0 && $((++tries)) -lt 10 ]] || break
  done
  [[ $code == $((128 + $(kill -l "$signal"))) ]] || die "exit code $code after SIG$signal of: $*"
  [[ $signal == KILL ]] || grep -Eq -- "$pattern" "$scratch/err" || die "no match of '$pattern' from: $*"
}

# An output that cannot be written is refused before anything is read: the input is missing too.
for flag in --grid --strip; do
  fails 1 'cannot write nowhere/o.png' "$lift" generate --checkpoint missing --outdir out --quiet \
    $flag nowhere/o.png
done
fails 1 'cannot write nowhere/o' "$lift" heatmap --checkpoint missing --data missing --output nowhere/o
fails 1 'cannot write nowhere/o' "$lift" measure mse --checkpoint missing --data missing --output nowhere/o
fails 1 'cannot write nowhere/o' "$lift" measure frechet --data missing --against x --output nowhere/o
fails 1 'cannot write nowhere/o' "$lift" path --policy greedy --heatmap missing --output nowhere/o
fails 1 'cannot write nowhere/o' "$lift" plot grid --data missing --output nowhere/o
fails 1 'cannot write nowhere/o.png' "$lift" plot losses --stats missing --output nowhere/o.png
fails 1 'cannot write nowhere/o.png' "$lift" plot paths --path missing --output nowhere/o.png
fails 1 'cannot write nowhere/o' "$lift" dataset emoji --font missing --output nowhere/o --quiet
fails 1 'run: not a regular file' "$lift" heatmap --checkpoint missing --data missing --output run
fails 2 'are one file' "${generate[@]}" --outdir out --grid g.png --strip g.png
for name in 00008.png generate.json; do
  fails 2 'a file of the run itself' "${generate[@]}" --outdir out --grid out/$name
done

# Images that are finished stay when something fails, and --resume ends with the same bytes.
mkdir whole
works "${generate[@]}" --outdir whole/images --grid whole/grid.png --strip whole/strip.png
[[ $(ls whole/images | wc -l) == 10 ]] || die "nine images and their record"
to() { mkdir -p "$1"; echo --outdir "$1/images" --grid "$1/grid.png" --strip "$1/strip.png"; }

full() { (ulimit -f 4; "$@"); }  # as a full disk: no file may grow beyond 4 KiB
full "${generate[@]}" $(to full) 2>"$scratch/err" && die "a grid on a full disk"
grep -q 'cannot write full/.*File too large; 9 of 9 images are in full/images, --resume goes on' \
  "$scratch/err" || die "nothing said of a full disk"
[[ $(ls -A full) == images && $(ls -A full/images | wc -l) == 10 ]] || die "images on a full disk"
works "${generate[@]}" $(to full) --resume
same full

with --batch-size 9 generate
works "${changed[@]}" $(to blocked)
rm blocked/images/00006.png
mkdir blocked/images/00006.png
"${generate[@]}" $(to blocked) --overwrite 2>"$scratch/err" && die "a folder was written over"
grep -q '00006.png: not a regular file; 6 of 9 images are in blocked/images' "$scratch/err" ||
  die "nothing said of a folder in the way"
[[ ! -e blocked/images/00008.png ]] || die "a picture of another batch size passes for this run's"
rmdir blocked/images/00006.png
works "${generate[@]}" $(to blocked) --resume --threads 1
same blocked

slow=("$lift" generate --checkpoint run --num-images 9 --batch-size 4 --solver ddim --steps 100 --quiet)
rm -r whole
works "${slow[@]}" $(to whole)
for signal in INT HUP KILL; do
  stops $signal stopped/images/00003.png \
    "^lift: stopped by SIG$signal; [48] of 9 images are in stopped/images, --resume goes on" \
    "${slow[@]}" $(to stopped)
  works "${slow[@]}" $(to stopped) --resume
  same stopped
done
works "${slow[@]}" $(to stopped) --resume
same stopped

# What is damaged, or of another run, is made again.
head -c 200 whole/images/00001.png >stopped/images/00001.png
cp whole/images/00004.png stopped/images/00005.png
rm stopped/strip.png
works "${slow[@]}" $(to stopped) --resume
same stopped

# A run goes on with its own settings only.
for other in "seed 7 42" "num-images 10 9" "batch-size 3 4" "eta 0.5 0"; do
  read -r flag got want <<<"$other"
  with --$flag $got slow
  fails 1 "setting '${flag//-/_}' of a resumed run: got $got(.0)?, want $want(.0)? as in" \
    "${changed[@]}" --outdir stopped/images --resume
done
fails 1 'no generate.json in nowhere' "${slow[@]}" --outdir nowhere --resume
fails 1 'not empty; --resume goes on' "${slow[@]}" --outdir stopped/images
same stopped

# --overwrite: what cannot begin leaves all as it was, what ends leaves its own files and those of
# others, and nothing outside is ever touched.
fails 1 'cannot write' "${generate[@]}" --outdir stopped/images --overwrite --strip nowhere/s.png
fails 1 'missing' "$lift" generate --checkpoint missing --outdir stopped/images --overwrite --quiet
fails 1 'nothere.json' "$lift" generate --checkpoint run --path nothere.json --outdir stopped/images \
  --overwrite --quiet
same stopped
cp whole/images/00000.png stopped/images/12345.png
echo mine >stopped/images/notes.txt
with --num-images 2 generate
works "${changed[@]}" --outdir stopped/images --overwrite
[[ $(ls -A stopped/images | xargs) == "00000.png 00001.png 12345.png generate.json notes.txt" ]] ||
  die "files after --overwrite: $(ls -A stopped/images | xargs)"
grep -q 'warning: PNGs in .* lists: 1, such as 12345.png; they stay' "$scratch/err" || die "nothing said of a picture that stays"

mkdir -p outside others
echo mine | tee outside/a.png others/00007.png >others/12345.png
with --num-images 1 generate
works "${changed[@]}" --outdir others --overwrite
[[ $(cat others/00007.png others/12345.png) == $'mine\nmine' ]] || die "pictures of nobody's are gone"
for name in ../outside/a.png "$PWD/outside/a.png" x/../../outside/a.png . '' 'a\u0000b' generate.json 7; do
  [[ $name == 7 ]] || name="\"$name\""
  echo "{\"format\":\"lift generated images\",\"settings\":{},\"files\":[$name]}" >others/generate.json
  fails 1 "generate.json: field 'files" "${generate[@]}" --outdir others --overwrite
done
ln -s ../outside others/link
ln -s ../outside/a.png others/00002.png
mkdir others/00003.png
echo '{"format":"lift generated images","settings":{},
  "files":["link/a.png","00002.png","00003.png","sub/b.png","00007.png"]}' >others/generate.json
mkdir others/sub
touch others/sub/b.png
works "${changed[@]}" --outdir others --overwrite
[[ $(cat outside/a.png) == mine && -L others/00002.png && -d others/00003.png ]] || die "a link led out"
[[ ! -e others/sub && ! -e others/00007.png ]] || die "files of the record stayed"

# Four rows of a strip whatever the batch size; with --exact, the same bytes of everything.
works "$lift" train --data data.zip --outdir large --size 32 --hidden-dims 16,32 --steps 1 \
  --batch-size 4 --ema 0 --sample-every 0 --quiet
for batch in 1 3 8; do
  large=("$lift" generate --checkpoint large --num-images 8 --batch-size $batch --quiet)
  works "${large[@]}" --exact --steps 20 --threads $((batch % 3 + 1)) $(to exact_$batch)
  diff -r exact_1 exact_$batch || die "--exact: other bytes for batch size $batch"
  works "${large[@]}" --steps 2 $(to fast_$batch)
  works "$lift" info {exact,fast}_$batch/strip.png --json
  json 'all(p["height"] == 4 * 34 + 2 and p["Image"] == "0-3" for p in j.values())'
  json '[p["Settings"]["exact"] for p in j.values()] == [True, False]'
  json 'not any("batch_size" in p["Settings"] for p in j.values())'
done

# Flags without effect.
works "$lift" path --policy diagonal --steps 3 --output path.json --quiet
for flag in "--steps 9" "--spacing leading" "--heatmap h.json" "--max-jump 2" "--end free"; do
  fails 2 "${flag% *} means nothing with --path: it has 3 steps" \
    "$lift" generate --checkpoint run --path path.json --outdir out --quiet $flag
done

# The cells of a heatmap.
works "${heatmap[@]}" --output whole.json
part='; ([0-9]|1[0-5]) of 16 cells are in h.json.partial, --resume goes on'
(ulimit -f 2; "${heatmap[@]}" --output h.json 2>"$scratch/err") && die "a heatmap on a full disk"
grep -Eq "^lift: cannot write h.json.partial: File too large$part" "$scratch/err" || die "nothing said"
[[ $(tail -c 1 h.json.partial) != "" && ! -e h.json.tmp ]] || die "no half line on a full disk"
cp h.json.partial kept
fails 1 'h.json.partial holds cells of .*interrupted; --resume' "${heatmap[@]}" --output h.json
fails 1 "setting 'seed' of a resumed run: got 1, want 42 as in h.json.partial" \
  "${heatmap[@]}" --output h.json --resume --seed 1
for points in 3 5; do
  with --points $points heatmap
  fails 1 "setting 'points'.*: got $points, want 4" "${changed[@]}" --output h.json --resume
done
works "${heatmap[@]}" --output h.json --resume --threads 1
cmp whole.json h.json || die "a heatmap that went on differs"
[[ ! -e h.json.partial ]] || die "the partial heatmap stayed"
fails 1 'no h.json.partial' "${heatmap[@]}" --output h.json --resume

for damage in 's/lift cells/other cells/' '2s/\[0/[99/' '2s/,[0-9.e-]*,/,"x",/' '2s/\]/,1]/' '2d;3s/.*/{}/'; do
  sed "$damage" kept >h.json.partial
  fails 1 'h.json.partial: line [12]: want' "${heatmap[@]}" --output h.json --resume
done
rm h.json*

with --points 12 heatmap
many=("${changed[@]}")
works "${many[@]}" --output whole.json
for signal in TERM KILL; do
  stops $signal stopped/h.json.partial '^lift: stopped by SIGTERM; [0-9]+ of 144 cells' \
    "${many[@]}" --output stopped/h.json
  works "${many[@]}" --output stopped/h.json --resume
  cmp whole.json stopped/h.json || die "a heatmap that went on after SIG$signal differs"
done
stops TERM stopped/glyphs.zip.tmp '^lift: stopped by SIGTERM$' "$lift" dataset emoji --quiet \
  --output stopped/glyphs.zip
[[ -z $(ls -A stopped) ]] || die "a data set that was stopped left something"

# Results that are not finite are not written.
python3 - run/checkpoint_*.safetensors <<'PYTHON'
import json, struct, sys
content = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", content[:8])[0]
header = json.loads(content[8:8 + size])
out, body = {}, b""
for name, entry in header.items():
    if name == "__metadata__" or name.startswith(("ema.", "adamw.")):
        continue
    count = (entry["data_offsets"][1] - entry["data_offsets"][0]) // 4
    out[name] = {**entry, "data_offsets": [len(body), len(body) + 4 * count]}
    body += struct.pack("<f", 1e30) * count
header = json.dumps(out).encode()
open("huge.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + body)
PYTHON
huge=(--checkpoint huge.safetensors --weights raw --size 16 --quiet)
fails 1 'images 0 to 1: .*timestep [0-9]+: got -?(nan|inf), want a finite number$' \
  "$lift" generate "${huge[@]}" --num-images 2 --steps 2 --outdir out
fails 1 'cell \(0, 0\).*got -?(nan|inf), want a finite number$' \
  "$lift" heatmap "${huge[@]}" --data data.zip --points 2 --num-images 2 --output h.json
fails 1 'result /.*got -?(nan|inf), want a finite number$' \
  "$lift" measure mse "${huge[@]}" --data data.zip --num-images 2 --output m.json

# A report that cannot be printed is a failure, and the files are there.
if [[ -c /dev/full ]]; then
  loud=("${generate[@]/--quiet/--json}")
  "${loud[@]}" --outdir told >/dev/full 2>"$scratch/err" && die "printed to a full device"
  [[ $(ls told | wc -l) == 10 ]] || die "images of a run that could not report"
  "$lift" measure frechet --data data.zip --against data.zip --size 16 --output m.json --quiet \
    >/dev/full 2>"$scratch/err" && die "printed to a full device"
  grep -q '^lift: .*standard output' "$scratch/err" || die "standard output is not named"
  [[ -s m.json ]] || die "a result that could not be printed"
  for flag in --help --version; do
    "$lift" $flag >/dev/full 2>"$scratch/err" && die "printed to a full device"
    grep -q '^lift: .*standard output' "$scratch/err" || die "standard output is not named"
  done
fi

# A file that is read is not written over, by whatever name; what a link leads to is written.
works "$lift" path --policy diagonal --steps 2 --output found.json
ln -s found.json link.json
for output in run/"$(basename "$(ls run/checkpoint_* | tail -n 1)")" ./run/../run/"$(basename "$(ls run/checkpoint_* | tail -n 1)")"; do
  fails 2 'is a file that is read' "$lift" export --checkpoint run --output "$output" --quiet
  fails 2 'is a file that is read' "$lift" measure mse --checkpoint run --data data.zip --output "$output" --quiet
done
fails 2 'is a file that is read' "$lift" heatmap --checkpoint run --data data.zip --output data.zip --quiet
fails 2 'is a file that is read' "$lift" plot paths --path found.json --output link.json --quiet
fails 2 'is a file that is read' "$lift" generate --checkpoint run --path found.json --grid found.json --outdir out --quiet
works "$lift" path --policy diagonal --steps 3 --output link.json
[[ -L link.json ]] || die "a link was replaced"
python3 -c 'import json; assert len(json.load(open("found.json"))["timesteps"]) == 3' || die "what a link leads to"
mkfifo pipe.json.tmp
fails 1 'cannot write pipe.json' "$lift" path --policy diagonal --steps 2 --output pipe.json --quiet
ln found.json hard.json.tmp
fails 1 'hard.json.tmp is in the way' "$lift" path --policy diagonal --steps 2 --output hard.json --quiet

# Another network is not taken for the one that a run began with.
cp -r run changed
works "$lift" generate --checkpoint changed --num-images 2 --steps 2 --outdir mixed --quiet
rm mixed/00001.png changed/checkpoint_*
cp "$(ls run/checkpoint_* | tail -n 1)" other.safetensors
python3 - "$(basename "$(ls run/checkpoint_* | tail -n 1)")" <<'PYTHON'
import json, struct, sys
data = open("other.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
meta = header.pop("__metadata__")
keep, body = {}, b""
for name, entry in header.items():
    values = data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]]
    keep[name] = {**entry, "data_offsets": [len(body), len(body) + len(values)]}
    body += values if name != "init_conv.bias" else bytes(len(values))
keep["__metadata__"] = {"settings": meta["settings"]}
text = json.dumps(keep).encode()
open("changed/" + sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + body)
PYTHON
fails 1 "setting '(fingerprint|step)' of a resumed run" \
  "$lift" generate --checkpoint changed --num-images 2 --steps 2 --outdir mixed --quiet --resume
