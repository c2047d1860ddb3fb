# SPDX-License-Identifier: MIT
# Images as people have them: what is read, turned, passed over, skipped, and how it is said.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
export LC_ALL=C

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 4
python3 - <<'PYTHON'
import os, tarfile, zipfile
from pathlib import Path

zipfile.ZipFile("emoji.zip").extractall("plain")
images = sorted(Path("plain").iterdir())
good = images[0].read_bytes()

def zip_of(name, entries):
    with zipfile.ZipFile(name, "w") as to:
        for entry, content in entries:
            to.writestr(entry, content)

def tar_of(name, mode, **options):
    with tarfile.open(name, mode, **options) as to:
        to.add("plain")

# Names beyond ASCII, and one that is not the UTF-8 it is said to be.
zip_of("names.zip", [("Übersicht.txt", "x"), ("日本.png", good)])
zip_of("spoiled.zip", [("Ü.png", good), ("fine.png", good)])
data = Path("spoiled.zip").read_bytes().replace("Ü".encode(), b"\xff\xfe")
Path("spoiled.zip").write_bytes(data)
for compression in ("", "gz", "bz2", "xz"):
    tar_of(f"all.{compression or 'tar'}", f"w:{compression}")

with tarfile.open("latin.tar", "w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as to:
    to.add(images[0], "Ü.png")

# A folder with hidden, linked and other files.
os.makedirs("mixed/.ipynb_checkpoints")
for name in ("a.png", ".ipynb_checkpoints/a.png", ".hidden.png"):
    Path("mixed", name).write_bytes(good)
for name in ("notes.txt", "more.txt", "list.csv"):
    Path("mixed", name).write_text("x")
os.symlink("../plain", "mixed/linked")
os.symlink(".", "mixed/circle")

# Damage of every kind beside one good image.
os.makedirs("bad")
Path("bad/good.png").write_bytes(good)
Path("bad/empty.png").write_bytes(b"")
Path("bad/page.jpg").write_text("<!DOCTYPE html><p>404")
Path("bad/cut.png").write_bytes(good[:60])
os.symlink("nowhere", "bad/dangling.png")
zip_of("crc.zip", [("a.png", good), ("b.png", good)])
data = bytearray(Path("crc.zip").read_bytes())
data[data.find(b"IDAT")] ^= 1
Path("crc.zip").write_bytes(data)
Path("image.zip").write_bytes(good)  # content decides
os.makedirs("none")
Path("none/scan.tif").write_bytes(b"II*\0")
PYTHON

warned() {
  grep -Eq -- "$1" "$scratch/err" || die "no match of '$1' on standard error"
}

works "$lift" info --json names.zip
json 'j["names.zip"]["first"] == "日本.png"'
warned 'Passed over 1 other file: \.txt 1'
works "$lift" info latin.tar
says 'images +1$'
fails 1 'spoiled.zip, entry 1: its name is empty or could not be converted' \
  "$lift" plot grid --size 16 --data spoiled.zip --output out.png
works "$lift" plot grid --size 16 --data spoiled.zip --output out.png --max-bad 1
warned 'skipped cannot read spoiled.zip, entry 1'
for archive in all.tar all.gz all.bz2 all.xz; do
  works "$lift" info --json $archive
  json "j['$archive']['images'] == 4"
done

works "$lift" info --json mixed
json 'j["mixed"]["images"] == 5 and j["mixed"]["first"] == "a.png"'
warned 'Passed over 3 other files: \.txt 2, \.csv 1'
works "$lift" plot grid --size 16 --data mixed --output out.png --quiet
[[ ! -s $scratch/err ]] || die "a remark in spite of --quiet"

# Each kind of damage alone is one line; all are skipped and listed where they may be.
grid=("$lift" plot grid --size 16 --output bad.png --quiet)
fails 1 'cut.png.*truncated \(bad images: 1, allowed 0\)' "${grid[@]}" --data bad
fails 1 'bad images: 4, allowed 3' "${grid[@]}" --data bad --max-bad 3
works "${grid[@]}" --data bad --max-bad 4
for reason in "'cut.png'.*truncated" 'dangling.png: No such file' "'empty.png'.*an empty file" \
  "'page.jpg'.*an HTML page, want PNG"; do
  warned "skipped .*$reason"
done
fails 1 "crc.zip, entry 'a.png': .*CRC" "${grid[@]}" --data crc.zip
works "${grid[@]}" --data crc.zip --max-bad 1
warned "skipped .*entry 'a.png'.*CRC"
works "$lift" info --json image.zip
json 'j["image.zip"]["kind"] == "PNG" and j["image.zip"]["width"] == 16'
fails 1 'image.zip: not a whole zip or tar file \(it is PNG\)' "${grid[@]}" --data image.zip
fails 1 'image in none but 1 other file: \.tif 1' "${grid[@]}" --data none
