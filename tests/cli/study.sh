# SPDX-License-Identifier: MIT
# A study does all that its file says, once, and says what is wrong in it.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# forget FOLDER PATTERN: the study there has not begun the parts whose names match.
forget() {
  python3 - "$@" <<'PYTHON'
import json, re, sys
file = f"{sys.argv[1]}/study.json"
record = json.load(open(file))
for of in "begun", "done":
    record[of] = {k: v for k, v in record[of].items() if not re.search(sys.argv[2], k)}
json.dump(record, open(file, "w"))
PYTHON
}

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 40 --quiet
cp "$(dirname "${BASH_SOURCE[0]}")/small_study.toml" study.toml

# What there is to do is listed without doing it.
works "$lift" study study.toml --outdir out --dry-run
says 'train lift$'
says '[0-9] of [0-9]+ parts to do, about '
[[ ! -e out ]] || die "a dry run made a folder"
works "$lift" study study.toml --outdir out --dry-run --json
json "[p['seconds'] > 0 for p in j['parts'] if p['name'] == 'train lift'] == [True]"
json "[p['command'].startswith('lift train ') for p in j['parts'] if p['name'] == 'train lift'] == [True]"
# A path that a model is trained along comes before its training.
json "[p['name'] for p in j['parts']].index('path lift/2/dp-64/3') < [p['name'] for p in j['parts']].index('train aligned')"
# A part's whole name is one text of --only.
name=$(python3 -c 'import json, sys
print(next(p["name"] for p in json.load(open(sys.argv[1]))["parts"] if p["name"].startswith("statistics ")))' "$scratch/out")
works "$lift" study study.toml --outdir out --dry-run --only "$name" --json
json "[p['name'] for p in j['parts']] == ['$name']"

works "$lift" study study.toml --outdir out --only "train baseline" --quiet
[[ -e out/models/baseline/checkpoint_00000010.safetensors && ! -e out/models/lift ]] || die "--only"

works "$lift" study study.toml --outdir out --quiet --json
python3 - <<'PYTHON' || die "results"
import json, re, statistics
results = json.load(open("out/results.json"))
table, = results["tables"]
assert [(c["epoch"], c["steps"]) for c in table["columns"]] == [(1, 3), (2, 3)]
assert [(r["model"], r["path"]) for r in table["rows"]] == [
    ("baseline", "log-snr"), ("lift", "log-snr"), ("lift", "dp-64"), ("lift", "of-lift"), ("lift", "given"),
    ("aligned", "of-lift"), ("further", "of-lift")]
for row in table["rows"]:
    assert [n["measure"] for n in row["numbers"]] == ["frechet", "kid"]
    for number in row["numbers"]:
        for cell, column in zip(number["cells"], table["columns"]):
            files = [f"out/measures/{row['model']}/{column['epoch']}/{row['path']}/usual/3/{seed}/{number['measure']}.json"
                     for seed in (0, 1)]
            values = [json.load(open(f))["distance"] for f in files]
            assert cell["values"] == values
            assert abs(cell["mean"] - statistics.mean(values)) < 1e-9 * abs(cell["mean"]) + 1e-12
            assert abs(cell["deviation"] - statistics.stdev(values)) < 1e-9 * abs(cell["mean"]) + 1e-12
about = results["protocols"]["frechet"]
assert about["extractor"] == "haar-scattering" and about["images"] == 4 and about["images_against"] == 40
assert results["error_test"] == {"num-images": "4"} and results["images_at_once"] == 2
page = open("out/report.html").read()
assert "every error test" in page and "lift: dp-64 over the epochs, on the last error" in page
# Two digits of a deviation, and as many decimals of its mean.
for row in table["rows"]:
    for number in row["numbers"]:
        for cell in number["cells"]:
            shown = next(s for s in re.findall(r">([-\d.]+ ± [\d.]+)<", page)
                         if abs(float(s.split()[2]) - cell["deviation"]) <= 0.05 * cell["deviation"]
                         and abs(float(s.split()[0]) - cell["mean"]) <= 0.05 * cell["deviation"])
            mean, deviation = (len(part.partition(".")[2]) for part in shown.split(" ± "))
            assert mean == deviation, shown
assert "A &lt;small&gt; study" in page and "<small>" not in page and "another" in page
assert "src=\"http" not in page and "href=" not in page and page.count("data:image/png;base64,") > 8
PYTHON

cp -a out first
# A part that is done is not done again; a study that grew does what is new.
before=$(find out/models out/samples -type f -printf '%p %T@\n' | sort)
touch out/figures/mine.txt
works "$lift" study study.toml --outdir out --json
json "j['parts'] == 0"
[[ -e out/figures/mine.txt ]] || die "a file beside the figures is gone"
rm out/figures/mine.txt
sed 's/seeds = \[0, 1\]/seeds = [0, 1, 2]/' study.toml >more.toml
works "$lift" study more.toml --outdir out --only "/given/usual/3/2" --json
json "j['parts'] == 6"
[[ $(find out/models out/samples -type f -printf '%p %T@\n' | sort | comm -23 <(echo "$before") -) == "" ]] ||
  die "parts were made again"
rm -rf out && cp -a first out

# Other settings replace what is there only when that is asked for.
sed 's/ema = 0.9/ema = 0.8/' study.toml >other.toml
fails 1 "out: made with other settings or images: train lift and [0-9]+ more parts; --overwrite" \
  "$lift" study other.toml --outdir out
works "$lift" study other.toml --outdir out --overwrite --only "train baseline" --json
json "j['parts'] == 1"
python3 - <<'PYTHON' || die "numbers of other settings"
import json
for row in json.load(open("out/results.json"))["tables"][0]["rows"]:
    assert all(cell is None for number in row["numbers"] for cell in number["cells"]), row
PYTHON

# What was made anew is as what was never made otherwise.
works "$lift" study study.toml --outdir out --overwrite --quiet
rm first/times.json out/times.json
diff -rq first out || die "other files the second time"

# A part whose files are gone is made again, and images of others are not measured with a study's own.
rm out/samples/lift/2/given/usual/3/1/00002.png out/measures/lift/2/given/usual/3/1/kid.json
works "$lift" study study.toml --outdir out --json
json "j['parts'] == 2"
rm out/times.json
diff -rq first out || die "a part that was removed came back differently"
cp first/samples/lift/2/given/usual/3/1/00000.png out/samples/lift/2/given/usual/3/1/mine.png
rm out/measures/lift/2/given/usual/3/1/kid.json
got=0
"$lift" study study.toml --outdir out --quiet >"$scratch/out" 2>"$scratch/err" || got=$?
grep -q 'mine.png: an image that the study did not make' "$scratch/err" && [[ $got == 1 ]] || die "a foreign image"
rm out/samples/lift/2/given/usual/3/1/mine.png
works "$lift" study study.toml --outdir out --quiet

# So is a set of images whose picture is gone, and what was made with a file that is another one now.
rm out/grids/lift/2/given/usual/3/1.png
works "$lift" study study.toml --outdir out --json
json "j['parts'] == 1"
rm out/times.json
diff -rq first out || die "a picture that was removed came back differently"
printf '900:800\n600:400\n200\n' >levels.txt
sed 's/^timesteps = .*/timesteps = "levels.txt"/' study.toml >file.toml
works "$lift" study file.toml --outdir file --only "generate lift/2/given/usual/3/0" --quiet
printf '900:800\n600:400\n100\n' >levels.txt
fails 1 "file: made with other settings or images: generate lift/2/given/usual/3/0" \
  "$lift" study file.toml --outdir file --dry-run

# More epochs of trainings that kept those checkpoints train nothing anew.
sed 's/epochs = \[1, 2\]/epochs = 2/; s/values = \[3, 2.5\]/values = [3]/' study.toml >fewer.toml
works "$lift" study fewer.toml --outdir out --json
json "j['parts'] == 0"
# A training that began with another's weights goes on, and where it was stopped leaves no trace.
for ((try = 0, stopped = 0; try < 12 && stopped == 0; ++try)); do
  rm -rf out/models/further
  forget out "further"
  timeout -s INT 0.$((10 + 3 * try)) "$lift" study study.toml --outdir out --only "train further" --quiet \
    >/dev/null 2>"$scratch/err" || true
  stopped=$(find out/models -path '*/further/checkpoint_0*' ! -name '*00.*' ! -name '*05.*' ! -name '*10.*' | wc -l)
done
works "$lift" study study.toml --outdir out --quiet
rm -f out/times.json
diff -rq first out || die "a training that went on from another's weights differs"

# Images that were measured can go, and come again where they are needed.
sed 's/^size/keep-images = false\nsize/' study.toml >lean.toml
cp -a first lean
rm -r lean/samples lean/measures
forget lean "^(generate|measure)"
works "$lift" study lean.toml --outdir lean --quiet
[[ $(find lean/samples -name '*.png' | wc -l) == 0 ]] || die "images stayed"
cmp <(grep -v '"against"' lean/results.json) <(grep -v '"against"' out/results.json) || die "other results without images"
cat >>lean.toml <<'TOML'
[[tables]]
title = "More"
paths = "log-snr"
steps = 3
TOML
works "$lift" study lean.toml --outdir lean --only "measure lift/2/log-snr" --json
json "j['parts'] == 0"

# A model with several seeds is trained with each, and is one row.
cat >trainings.toml <<'TOML'
title = "Trainings"
data = "emoji.zip"
size = 16
num-images = 4
[train]
epochs = 1
batch-size = 8
hidden-dims = [8, 16]
[models.lift]
seed = [1, 2]
[models.baseline]
model = "baseline"
[paths.log-snr]
[samplers.usual]
[measures.frechet]
measure = "frechet"
[[tables]]
title = "Trainings"
steps = 2
seeds = [0, 1]
TOML
works "$lift" study trainings.toml --outdir trainings --quiet
python3 - <<'PYTHON' || die "trainings"
import json
rows = json.load(open("trainings/results.json"))["tables"][0]["rows"]
assert [(row["model"], row["trainings"]) for row in rows] == [
    ("lift", ["lift.seed-1", "lift.seed-2"]), ("baseline", ["baseline"])], rows
for row in rows:
    assert row["numbers"][0]["cells"][0]["values"] == [
        json.load(open(f"trainings/measures/{training}/1/log-snr/usual/2/{seed}/frechet.json"))["distance"]
        for training in row["trainings"] for seed in (0, 1)]
assert [json.load(open(f"trainings/models/lift.seed-{seed}/config.json"))["seed"]
        for seed in (1, 2)] == [1, 2]
PYTHON
grep -q 'over the trainings, up to 2, and 2 seeds of sampling' trainings/report.html || die "the report's trainings"

# What is wrong in the file is said with its line, before anything is done.
wrong() {  # wrong PATTERN SED-EXPRESSION
  sed "$2" study.toml >wrong.toml
  fails 1 "$1" "$lift" study wrong.toml --outdir none
}
wrong 'wrong.toml:1: unknown key titel, want one of ' '1s/^title/titel = "x"\ntitle/'
wrong 'wrong.toml:3: size: got true, want ' 's/^size = 16/size = true/'
wrong 'wrong.toml:4: num-images: got -4, want a whole number' 's/^num-images = 4/num-images = -4/'
wrong "wrong.toml:11: name in models: got '../lift', want at most 64" 's/^\[models.lift\]/[models."..\/lift"]/'
wrong 'wrong.toml:6: train is missing|train.epochs is missing' 's/^epochs = 2//'
wrong 'wrong.toml:8: unknown flag batchsize, want one of .lift train --help' 's/^batch-size = 8/batchsize = 8/'
wrong 'wrong.toml:8: outdir: the study sets it, or cannot have it' 's/^batch-size = 8/outdir = "x"/'
wrong 'wrong.toml: train lift: .*--lr' 's/^ema = 0.9/lr = "much"/'
wrong "wrong.toml:[0-9]+: models: got 'lif', want one of lift, aligned, further, baseline" 's/models = "lift" }/models = "lif" }/'
wrong "wrong.toml:[0-9]+: measure of kid: got 'fid', want frechet" 's/measure = "kid"/measure = "fid"/'
wrong 'wrong.toml:[0-9]+: epochs: got 3, want at most 2' 's/epochs = \[1, 2\]/epochs = [1, 3]/'
wrong 'wrong.toml:[0-9]+: .*values: got 1 numbers, want 2' 's/values = \[3, 2.5\]/values = [3]/'
wrong 'wrong.toml:[0-9]+: steps of given: got 3, want 4' 's/^steps = 3/steps = 4/'
wrong 'wrong.toml:[0-9]+: lift can only be made of itself' \
  's/^\[models.lift\]/[models.lift]\nfrom = { model = "aligned" }/'
wrong 'wrong.toml:[0-9]+: models.lift: got lift.seed-3 twice' 's/^\[models.lift\]/[models.lift]\nseed = [3, 4, 3]/'
wrong "wrong.toml:[0-9]+: models.lift.seed: got '../x', want whole numbers" \
  's/^\[models.lift\]/[models.lift]\nseed = [3, "..\/x"]/'
printf '\xff\xfe = 1\n' >wrong.toml
fails 1 'wrong.toml:1: ' "$lift" study wrong.toml --outdir none
printf 'a = \x1b[31m\n' >wrong.toml
fails 1 'wrong.toml:1: ' "$lift" study wrong.toml --outdir none
python3 -c 'print("a = " + "[" * 100000)' >wrong.toml
fails 1 'wrong.toml:1: ' "$lift" study wrong.toml --outdir none
fails 1 'cannot open nothing.toml' "$lift" study nothing.toml --outdir none
fails 1 'cannot open .*/nowhere.zip|nowhere.zip' "$lift" study study.toml --data nowhere.zip --outdir none
mkdir other && touch other/file
fails 1 'folder other is not empty; want an empty folder' "$lift" study study.toml --outdir other
fails 2 '--outdir: got "", want the name of a file or folder' "$lift" study study.toml --outdir ""
fails 2 '--only: got nonsense, want texts in names of parts' "$lift" study study.toml --outdir none --only nonsense
