# SPDX-License-Identifier: MIT
# A training that a signal stops has saved its last whole step, and its exit code says which signal;
# standard streams that are closed spoil no file; what a terminal shows fits its width.
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

works "$lift" dataset emoji --output emoji.zip --size 16 --max-images 30 --quiet
small=("$lift" train --data emoji.zip --size 16 --hidden-dims 8 --batch-size 8)
train=("${small[@]}" --sample-every 0 --save-every 0 --quiet --epochs 100000 --time-limit 60)

# awaits COMMAND...: waits until it succeeds, a minute at most.
awaits() {
  for ((wait = 0; wait < 600; ++wait)); do
    "$@" 2>/dev/null && return
    sleep 0.1
  done
  die "waited for: $*"
}
# starts COMMAND...: in the background, with its id in $pid.
starts() {
  "$@" >"$scratch/out" 2>"$scratch/err" &
  pid=$!
}
# ends CODE...: what was started ends with one of these exit codes.
ends() {
  local code=0
  wait $pid || code=$?
  [[ " $* " == *" $code "* ]] || die "exit code $code, want $*"
}
took_step() { grep -q "\"step\":$2," "$1/stats.jsonl"; }
# saved FOLDER: it has one checkpoint, that of the last step that it has statistics of.
saved() {
  local step
  step=$(tail -n 1 "$1/stats.jsonl" | sed -E 's/.*"step":([0-9]+),.*/\1/')
  [[ $(cd "$1" && echo checkpoint_*) == $(printf 'checkpoint_%08d.safetensors' "${step:-0}") ]] ||
    die "step ${step:-0}, but $(ls "$1")"
}

for signal in INT TERM HUP; do
  starts "${train[@]}" --outdir $signal
  awaits took_step $signal 3
  kill -$signal $pid
  ends $((128 + $(kill -l $signal)))
  saved $signal
  [[ $(cat "$scratch/err") == "lift: stopped by SIG$signal" ]] || die "nothing said of SIG$signal"
  [[ ! -e $signal/.lift.lock ]] || die "the lock stayed"
done

# Under nohup a hangup is none.
starts nohup "${train[@]}" --outdir nohup
awaits took_step nohup 1
kill -HUP $pid
awaits took_step nohup $(($(wc -l <nohup/stats.jsonl) + 50))
kill -TERM $pid
ends 143

# A long step is left in the middle, and so is a grid of samples.
works "$lift" dataset emoji --output large.zip --size 64 --max-images 60 --quiet
starts "$lift" train --data large.zip --size 64 --hidden-dims 64,128 --batch-size 60 --quiet --outdir long
awaits test -e long/stats.jsonl
kill -TERM $pid
ends 143
saved long
[[ ! -s long/stats.jsonl ]] || die "a step was finished"
starts "${small[@]}" --outdir grid --quiet --sample-every 1 --sample-images 300 --sample-steps 1000
awaits took_step grid 3
sleep 0.2
kill -INT $pid
ends 130
saved grid
[[ ! -e grid/samples ]] || die "a grid was finished"

# Two signals end the process at once, with nothing saved.
starts "${train[@]}" --outdir twice
awaits took_step twice 3
kill -STOP $pid
kill -INT $pid
kill -TERM $pid
kill -CONT $pid
ends 130 143
[[ $(cd twice && echo checkpoint_*) == checkpoint_00000000.safetensors ]] || die "something was saved"

# Closed streams: the report fails where it was to be written, and the files are whole.
whole() {
  python3 -c 'import json, sys
steps = [json.loads(line)["step"] for line in open(sys.argv[1])]
assert steps == [1, 2, 3], steps' $1/stats.jsonl || die "$1/stats.jsonl"
  works "$lift" info $1
}
run=("${small[@]}" --sample-every 0 --steps 3 --outdir)
"${run[@]}" no_in <&- >"$scratch/out" 2>"$scratch/err" || die "without standard input"
"${run[@]}" no_err 2>&- >"$scratch/out" || die "without standard error"
code=0
"${run[@]}" no_out >&- 2>"$scratch/err" || code=$?
[[ $code == 1 ]] && grep -q '^lift: writing to standard output' "$scratch/err" || die "no report, code $code"
code=0
"${run[@]}" none <&- >&- 2>&- || code=$?
[[ $code == 1 ]] || die "exit code $code without any stream"
for folder in no_in no_err no_out none; do whole $folder; done

# On terminals of several widths, and one of an unknown width that COLUMNS tells.
cat >terminal.py <<'P'
import fcntl, os, pty, re, struct, sys, termios
width, command = int(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    size = 0 if "COLUMNS" in os.environ else width
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, size, 0, 0))
    os.execv(command[0], command)
text = b""
try:
    while part := os.read(terminal, 4096):
        text += part
except OSError:  # the other side is closed
    pass
assert os.waitpid(pid, 0)[1] == 0
lines = [re.sub("\x1b\\[[0-9;]*[A-Za-z]", "", s) for s in re.split("[\r\n]+", text.decode())]
drawn = [line for line in lines if line.startswith("train ")]
assert drawn and max(map(len, drawn)) < width, drawn
assert drawn[-1].find("/3") > 0 or width < 12, drawn
assert all(("[" in line) == (width >= 80) for line in drawn), drawn
P
for width in 120 80 40 9; do
  works python3 terminal.py $width "${run[@]}" terminal$width --json
done
COLUMNS=40 works python3 terminal.py 40 "${run[@]}" columns --json
COLUMNS=nonsense works python3 terminal.py 80 "${run[@]}" nonsense --json
