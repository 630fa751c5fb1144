"""han-spool: at least once, in order, as it came, whoever is killed and whatever the disk says."""

import errno
import fcntl
import json
import os
import random
import select
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.spool import backlog as backlog_module
from hanpipe.spool.arrivals import Arrivals
from hanpipe.spool.backlog import Backlog
from hanpipe.spool.flight import Flight
from hanpipe.spool.process import Process
from hanpipe.unix.status import READER_LEFT
from hanpipe.unix.stderr import counted
from programs import PATIENCE, unread

HAN_SPOOL = os.path.join(ROOT, "bin", "han-spool")
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
ARRIVED = 1_795_435_200_123_000_000  # 2026-11-23 12:00:00.123 UTC
MOST = 64_000  # octets: the smallest queue, 16 segments of 4096 at least


def line_of(number, length=0):
    return b'{"time":"2026-11-22T10:15:04.123Z","act_pow_pos":%d,"#":"%s"}\n' % (number, b"x" * length)


def lines_of(count):
    return [line_of(number, 100) for number in range(count)]


# --- the queue alone ---


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Messages(list):
    """The messages for a user."""

    def __call__(self, message):
        self.append(message)


class Model:
    """The queue and what it should hold: `lines` from `taken` on, of which those up to `sent` are on their way."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.lines = []
        self.taken = self.sent = 0
        self.queue = None
        self.open()

    def open(self):
        self.queue = Backlog(self.directory, 10**9, pytest.fail)
        self.sent = self.taken
        assert self.queue.waiting == sum(map(len, self.lines[self.taken :]))

    def put(self, lengths):
        lines = [line_of(len(self.lines) + number, length) for number, length in enumerate(lengths)]
        self.lines += lines
        self.queue.put(b"".join(lines))

    def send(self, most):
        octets = self.queue.next(most)
        sent = octets.splitlines(keepends=True)
        assert sent == self.lines[self.sent : self.sent + len(sent)]
        assert bool(sent) == (self.sent < len(self.lines))
        assert len(octets) <= most or len(sent) == 1
        self.sent += len(sent)

    def acknowledge(self, count):
        count = min(count, self.sent - self.taken)
        self.queue.acknowledge(sum(map(len, self.lines[self.taken : self.taken + count])))
        self.taken += count

    def lose_sink(self):
        self.queue.rewind()
        self.sent = self.taken

    def crash(self, torn):
        """kill -9, or with a torn line a power cut that kept half of what was being written."""
        names = sorted(name for name in os.listdir(self.directory) if name.endswith(".jsonl"))
        if names and torn:
            with open(os.path.join(self.directory, names[-1]), "ab") as file:
                file.write(torn)
        self.open()

    def end(self):
        self.queue.close()
        self.open()


steps = st.one_of(
    st.tuples(st.just("put"), st.lists(st.integers(0, 3000), min_size=1, max_size=40)),
    st.tuples(st.just("send"), st.integers(1, 100_000)),
    st.tuples(st.just("acknowledge"), st.integers(1, 50)),
    st.tuples(st.just("lose_sink")),
    st.tuples(st.just("crash"), st.sampled_from([b"", b'{"time":"2026-', bytes(5000), b'{"a":' + bytes(4096) + b"\n"])),
    st.tuples(st.just("end")),
)


@given(st.lists(steps, max_size=60))
def test_whatever_happens_lines_come_in_order_and_none_is_lost(tmp_path_factory, history):
    model = Model(tmp_path_factory.mktemp("spool"))
    for step, *arguments in history:
        getattr(model, step)(*arguments)
        assert model.queue.waiting == sum(map(len, model.lines[model.taken :]))
        assert model.queue.unsent == (model.sent < len(model.lines))
    model.lose_sink()
    while model.sent < len(model.lines):
        model.send(65536)
        model.acknowledge(10**6)
    model.end()
    assert [name for name in os.listdir(model.directory) if name != "taken"] == []


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60), st.integers(0, 40_000))
def test_a_full_queue_drops_the_oldest_and_counts_them(tmp_path_factory, puts, in_flight):
    result = Messages()
    directory = str(tmp_path_factory.mktemp("spool"))
    queue = Backlog(directory, MOST, result)
    lines = []
    for number, count in enumerate(puts):
        more = [line_of(len(lines) + one, 300) for one in range(count)]
        lines += more
        if more:
            queue.put(b"".join(more))
        if number == 0 and in_flight:
            queue.next(in_flight)
        sizes = {name: os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory)}
        assert sizes.pop("taken", 0) <= 4096  # a block of the disk
        assert sum(sizes.values()) <= MOST
    queue.rewind()
    got = []
    while octets := queue.next():
        got += octets.splitlines(keepends=True)
        queue.acknowledge(len(octets))
    assert got == lines[queue.dropped :]
    assert len(b"".join(got)) > MOST * 3 // 4 or not queue.dropped
    assert [message.split(": ")[1] for message in result] == (
        [
            "full; the oldest lines are dropped from here on",
            f"empty again; meanwhile it dropped {counted(queue.dropped, 'line')}",
        ]
        if queue.dropped
        else []
    )


def test_what_is_held_and_taken_in_time_is_never_written(tmp_path):
    clock = Clock()
    queue = Backlog(str(tmp_path), 10**6, pytest.fail, hold=30, clock=clock)
    for number in range(100):
        queue.put(line_of(number))
        assert queue.next() == line_of(number)
        clock.now += 29
        assert queue.due() == 1
        queue.write_due()
        queue.acknowledge(len(line_of(number)))
        assert queue.due() is None
    assert os.listdir(tmp_path) == []
    queue.put(line_of(100))
    clock.now += 20
    queue.put(line_of(101))
    clock.now += 10
    queue.write_due()  # both, in one go
    assert Backlog(str(tmp_path), MOST, pytest.fail).next() == line_of(100) + line_of(101)
    for number in range(102, 110):  # much at once does not wait
        queue.put(line_of(number, 9_000))
    assert queue.due() is None


def test_a_power_cut_that_kept_an_old_mark_sends_again_and_one_that_lost_lines_skips_none(tmp_path):
    queue = Backlog(str(tmp_path), MOST, pytest.fail)
    queue.put(line_of(1) + line_of(2) + line_of(3))
    queue.next()
    queue.acknowledge(len(line_of(1)))
    old = (tmp_path / "taken").read_bytes()
    queue.acknowledge(len(line_of(2)))
    (tmp_path / "taken").write_bytes(old)
    assert Backlog(str(tmp_path), MOST, pytest.fail).next() == line_of(2) + line_of(3)
    (tmp_path / "taken").write_bytes(b"%020d\n" % 5000)
    queue = Backlog(str(tmp_path), MOST, pytest.fail)
    assert queue.next() == b""
    queue.put(line_of(4))
    assert Backlog(str(tmp_path), MOST, pytest.fail).next() == line_of(4)


def test_files_that_vanish_are_told_and_passed_over(tmp_path):
    result = Messages()
    queue = Backlog(str(tmp_path), 10**6, result)
    for number in range(3):
        queue.put(line_of(number, 70_000))
    for name in sorted(os.listdir(tmp_path))[:1]:
        os.unlink(tmp_path / name)
    assert queue.next() == line_of(1, 70_000)
    assert result[0].endswith("00000.jsonl: no such file or directory; its lines are lost")


def test_a_file_that_is_deleted_is_not_kept_open(tmp_path):
    def open_files():
        links = [os.path.join("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
        return [os.readlink(link) for link in links if os.path.islink(link)]

    before = Backlog(str(tmp_path), 10**6, pytest.fail)
    before.put(line_of(1))
    before.close()
    queue = Backlog(str(tmp_path), 10**6, pytest.fail)
    octets = queue.next()
    assert any(str(tmp_path) in name for name in open_files())
    queue.acknowledge(len(octets))
    assert not list(tmp_path.glob("*.jsonl"))
    assert not any("(deleted)" in name for name in open_files() if str(tmp_path) in name)


# --- a disk that takes nothing ---


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.booleans()), min_size=1, max_size=40))
def test_a_disk_that_comes_and_goes_loses_nothing_that_memory_can_hold(tmp_path_factory, history):
    clock, result, room = Clock(), Messages(), [0]
    original = os.pwrite

    def pwrite(descriptor, octets, offset):
        if len(octets) == 21:
            return original(descriptor, octets, offset)
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        part = min(len(octets), room[0])  # a disk that gets full takes a part first
        room[0] -= part
        return original(descriptor, octets[:part], offset)

    directory = str(tmp_path_factory.mktemp("spool"))
    queue = Backlog(directory, 10**9, result, clock=clock)
    lines, got = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        for works, count, taken in history:
            room[0] = 10**9 if works else 150
            more = [line_of(len(lines) + one, 60) for one in range(count)]
            lines += more
            queue.put(b"".join(more))
            clock.now += backlog_module.DISK_PAUSE
            queue.write_due()
            if taken and (octets := queue.next()):
                got += octets.splitlines(keepends=True)
                queue.acknowledge(len(octets))
            assert queue.waiting == len(b"".join(lines[len(got) :]))
        room[0] = 10**9
        queue.close()
    assert not any("lost" in message for message in result)
    assert all("no space left on device" in message for message in result[::2])
    assert all("written again after" in message for message in result[1::2])
    queue = Backlog(directory, 10**9, pytest.fail)
    while octets := queue.next():
        got += octets.splitlines(keepends=True)
    assert got == lines


def test_memory_is_bounded_while_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(backlog_module, "MOST_MEMORY", 10_000)
    result = Messages()
    queue = Backlog(str(tmp_path), 10**9, result)
    queue.put(line_of(0))
    monkeypatch.setattr(os, "pwrite", lambda *given: (_ for _ in ()).throw(OSError(errno.ENOSPC, "")))
    lines = [line_of(number) for number in range(1, 1000)]
    for line in lines:
        queue.put(line)
    assert queue.waiting <= 10_000 + 2 * len(lines[-1])
    assert queue.next() == line_of(0)
    assert queue.next() == b"".join(lines[queue.dropped :])
    assert len(result) == 2
    assert "full" in result[1]


def test_an_input_that_can_wait_does_before_memory_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(backlog_module, "MOST_MEMORY", 10_000)
    monkeypatch.setattr(os, "pwrite", lambda *given: (_ for _ in ()).throw(OSError(errno.ENOSPC, "")))
    queue = Backlog(str(tmp_path), 10**9, Messages())
    lines = 0
    while not queue.full:
        queue.put(line_of(lines))
        lines += 1
    assert queue.dropped == 0
    assert 5_000 < queue.waiting < 5_000 + 2 * len(line_of(lines))
    assert queue.close() == queue.waiting


@pytest.mark.slow
def test_a_file_waits_for_a_sink_that_is_away_on_a_full_disk(tmp_path):
    lines = b"".join(line_of(number) for number in range(200_000))
    (tmp_path / "lines").write_bytes(lines)
    command = ["bash", "-c", 'ulimit -f 40; exec "$@"', "-", HAN_SPOOL, "--pass", str(tmp_path / "q")]
    sink = ["--", "sh", "-c", f"test -e {tmp_path}/there && exec cat; touch {tmp_path}/there; sleep 1; exit 4"]
    with open(tmp_path / "lines", "rb") as file:
        done = subprocess.run([*command, *sink], stdin=file, capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout == lines) == (0, True)
    assert b"dropped" not in done.stderr


def test_a_full_disk_is_said_once_and_the_pipe_lives(tmp_path):
    go = tmp_path / "go"
    os.mkfifo(go)
    sink = f"read line < {go}; exec cat"
    # 40 blocks of 1024 octets a file: the kernel's word for more is EFBIG
    command = ["bash", "-c", 'ulimit -f 40; exec "$@"', "-", HAN_SPOOL, "--pass", str(tmp_path / "q"), "--"]
    lines = lines_of(1000)
    with subprocess.Popen([*command, "sh", "-c", sink], stdin=-1, stdout=-1, stderr=-1) as spool:
        for begin in range(0, 1000, 100):
            spool.stdin.write(b"".join(lines[begin : begin + 100]))
            spool.stdin.flush()
        first = spool.stderr.readline()
        assert first.startswith(f"han-spool: {tmp_path}/q: file too large; going on in memory".encode())
        go.write_bytes(b"\n")
        out, err = spool.communicate(timeout=PATIENCE)
    assert (out == b"".join(lines), err, spool.returncode) == (True, b"", 0)


# --- what the sink is given and passes on ---


@given(st.lists(st.integers(0, 30), max_size=30), st.data())
def test_what_is_passed_on_is_taken_whatever_the_pieces(lengths, data):
    lines = [line_of(number % 3, length) for number, length in enumerate(lengths)]
    octets = b"".join(lines)
    flight = Flight()
    flight.add(octets)
    passed, at = [], 0
    while at < len(octets):
        size = data.draw(st.integers(1, 200))
        passed.append(flight.passed(octets[at : at + size]))
        at += size
    assert b"".join(one.lines for one in passed) == octets
    assert sum(one.taken for one in passed) == len(octets)
    assert all((one.skipped, one.strange) == (0, b"") for one in passed)
    assert len(flight) == 0


def test_a_line_passed_on_speaks_for_those_before_it_and_a_strange_one_for_nothing():
    flight = Flight()
    flight.add(b"a\nbb\nb\na\n")
    assert flight.passed(b"c\nb\n\n") == (7, b"b\n", 2, b"c\n")
    assert flight.passed(b"a") == (0, b"", 0, b"")
    assert flight.passed(b"\na\n") == (2, b"a\n", 0, b"a\n")
    flight.passed(b"x" * 100_000)
    assert len(flight.passed(b"\n").strange) < 10


@given(
    st.lists(st.sampled_from([line_of(1), b'{"act_pow_pos":1}\n', b"\n", b"no reading\r\n", b"[]\n", b"{}\n"])),
    st.data(),
)
def test_lines_do_not_depend_on_the_pieces_and_have_their_time(lines, data):
    octets = b"".join(lines)[: data.draw(st.sampled_from([None, -1]))]
    arrivals, got, at = Arrivals(), b"", 0
    while at < len(octets):
        size = data.draw(st.integers(1, 60))
        got += arrivals.feed(octets[at : at + size], ARRIVED)
        at += size
    got += arrivals.feed(b"", ARRIVED)
    stamped = b'{"time":"2026-11-23T12:00:00.123Z","act_pow_pos":1}\n'
    assert got.split(b"\n") == [
        (stamped if line.startswith(b'{"act') else line)[:-1] for line in lines if line.strip()
    ] + [b""]


def test_a_line_of_a_file_has_not_arrived_now():
    assert Arrivals().feed(b'{"act_pow_pos":1}\n', 0) == b'{"act_pow_pos":1}\n'


def test_a_time_that_is_not_the_first_key_is_one_too():
    line = b'{"act_pow_pos":1,"time":"2026-11-22T10:15:04.123Z"}\n'
    assert Arrivals().feed(line, ARRIVED) == line


def test_an_endless_line_is_cut():
    arrivals = Arrivals()
    fed = [arrivals.feed(b"x" * 65536, ARRIVED) for _ in range(40)]
    assert max(map(len, fed)) < 1_100_000
    assert sum(len(one.replace(b"\n", b"")) for one in fed) > 1_500_000


# --- the program ---


def spool(*arguments, given=b"", timeout=PATIENCE, **options):
    command = [HAN_SPOOL, *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, timeout=timeout, check=False, **options)


def until(true):
    """Wait for what gives no event: another process's file."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.slow
def test_a_hundred_thousand_lines_pass_a_sink_that_keeps_up(tmp_path):
    octets = b"".join(lines_of(100_000))
    done = spool("--pass", tmp_path / "q", "--", "cat", given=octets)
    assert (done.returncode, done.stderr, done.stdout == octets) == (0, b"", True)
    assert spool(tmp_path / "q", "--", "cat", given=octets).stdout == b""


# A sink that logs batches, passes them on, and now and then kills itself between any two steps. One at a time.
SINK = r"""
import fcntl, os, random, signal, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
fcntl.flock(log, fcntl.LOCK_EX)
batch, kills, odds = int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
def die_perhaps():
    died = os.open(sys.argv[1] + ".kills", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if random.randrange(odds) == 0 and os.fstat(died).st_size < kills:
        os.write(died, b"x")
        os.write(log, b"killed\n")
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(died)
rest, ended = b"", False
while not ended:
    data = os.read(0, 4096)
    ended = not data
    rest += data
    lines = rest.split(b"\n")
    while len(lines) > batch or (ended and len(lines) > 1):
        some = b"".join(line + b"\n" for line in lines[:batch] if line)
        del lines[:batch]
        die_perhaps()
        os.write(log, some)
        die_perhaps()
        os.write(1, some)
        die_perhaps()
    rest = b"\n".join(lines)
"""


def assert_delivered(log, lines, batch):
    """Every line, in order; what came twice was of the batches that the killed sink had on its way."""
    seen = 0
    for run in log.read_bytes().split(b"killed\n"):
        got = run.splitlines(keepends=True)
        if not got:
            continue
        begin = lines.index(got[0])
        assert seen - batch <= begin <= seen
        assert got == lines[begin : begin + len(got)]
        seen = max(seen, begin + len(got))
    assert seen == len(lines)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "kills"), [(100_000, 50) if LONG else (5000, 10)])
def test_a_sink_killed_at_random_loses_nothing(tmp_path, count, kills):
    lines = [line_of(number, 20) for number in range(count)]
    odds = count // 20 // kills
    command = [sys.executable, "-IS", "-c", SINK, tmp_path / "log", "20", kills, odds]
    done = spool("--pass", "--drain", 100, tmp_path / "q", "--", *command, given=b"".join(lines), timeout=100)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "log.kills").stat().st_size == kills
    assert done.stderr.count(b"was killed (signal 9); started again\n") == 1  # said once, not each time
    assert_delivered(tmp_path / "log", lines, 20)
    passed = done.stdout.splitlines(keepends=True)
    assert list(dict.fromkeys(passed)) == passed == lines


@pytest.mark.slow
@pytest.mark.parametrize("most", [80, 3000])  # lines at once, which are whole, or are more than a piece
def test_han_spool_killed_at_random_loses_nothing_that_has_left_the_pipe(tmp_path, most):
    queue, log = tmp_path / "q", tmp_path / "log"
    chance = random.Random(1)
    lines = [line_of(number, 20) for number in range(40 * most)]
    at = 0
    sink = [sys.executable, "-IS", "-c", SINK, log, "5", "0", "1"]
    for _ in range(40):
        with subprocess.Popen(
            [HAN_SPOOL, str(queue), "--", *map(str, sink)], stdin=-1, stderr=-1, bufsize=0
        ) as spooling:
            for _ in range(chance.randrange(1, 5)):
                octets = b"".join(lines[at : at + chance.randrange(1, most // 5)])
                at += octets.count(b"\n")
                while octets:
                    octets = octets[spooling.stdin.write(octets) :]
            while unread(spooling.stdin):
                pass
            spooling.kill()
    done = spool(queue, "--", *sink, given=b"".join(lines[at:]))
    assert done.returncode == 0
    assert set(log.read_bytes().splitlines(keepends=True)) >= set(lines)


def test_what_could_not_be_passed_on_is_not_taken(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    command = [HAN_SPOOL, "--pass", str(tmp_path / "q"), "--", "cat"]
    with subprocess.Popen(command, stdin=-1, stdout=writer) as spooling:
        os.close(writer)
        spooling.communicate(line_of(1), timeout=PATIENCE)
    assert spooling.returncode == READER_LEFT
    assert spool("--pass", tmp_path / "q", "--", "cat").stdout == line_of(1)


@pytest.mark.slow
def test_lines_wait_for_the_next_run_with_their_own_times(tmp_path):
    first = spool(tmp_path / "q", "--", "sh", "-c", "cat > /dev/null", given=b'{"act_pow_pos":1}\n' + line_of(2))
    assert first.returncode == 4
    assert b"has passed nothing on so far" in first.stderr
    assert b"lines wait for the next run" in first.stderr
    second = spool("--pass", "-v", tmp_path / "q", "--", "cat")
    assert (second.returncode, b"of lines wait from before" in second.stderr) == (0, True)
    early, own = second.stdout.splitlines(keepends=True)
    assert own == line_of(2)
    assert json.loads(early)["time"].endswith("Z")
    assert spool(tmp_path / "q", "--", "cat").returncode == 1  # nothing came, nothing waited


@pytest.mark.slow
def test_a_regular_file_waits_where_a_meter_would_not(tmp_path):
    lines = lines_of(3000)
    (tmp_path / "lines").write_bytes(b"".join(lines))
    sink = "sleep 0.3; exec cat"
    with (tmp_path / "lines").open("rb") as file:
        command = [HAN_SPOOL, "--pass", "--max-size", "64k", str(tmp_path / "q"), "--", "sh", "-c", sink]
        done = subprocess.run(command, stdin=file, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr, done.stdout == b"".join(lines)) == (0, b"", True)
    waited = spool("--wait", "--pass", "--max-size", "64k", tmp_path / "q", "--", "cat", given=b"".join(lines))
    assert waited.stdout == b"".join(lines)


def test_a_second_han_spool_is_refused(tmp_path):
    directory = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    done = spool(tmp_path, "--", "cat")
    os.close(directory)
    assert done.returncode == 4
    assert done.stderr.decode() == f"han-spool: {tmp_path}: another han-spool uses this queue; give each its own DIR\n"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["q"], 2, "the sink is missing"),
        (["q", "--", "/bin/han-mqtt"], 2, "--pass"),
        (["--max-size", "1k", "q", "--", "cat"], 2, "64k or more"),
        (["q", "--", "no-such-sink"], 4, "han-spool: no-such-sink: no such file or directory"),
        (["q", "--", "sh", "-c", "exit 2"], 2, "sh does not understand its arguments"),
        (["q", "--", "sh", "-c", "exit 3"], 3, "a Python package is missing (status 3): mend that"),
        (["q", "--", "sh", "-c", "exit 5"], 5, "its login was refused"),
        (["--max-size", "x", "q", "--", "cat"], 2, "expected a size such as 64M, got 'x'"),
        (["--max-size", "0M", "q", "--", "cat"], 2, "64k or more"),
        (["lines/q", "--", "cat"], 4, "lines/q: not a directory"),
        (["lines", "--", "cat"], 4, "han-spool: lines: expected a directory, found a file"),
    ],
)
def test_what_cannot_work_is_said(tmp_path, arguments, status, words):
    (tmp_path / "lines").touch()
    done = spool(*arguments, given=line_of(1), cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert words in done.stderr.decode()


def test_a_sink_with_a_word_of_its_own_or_a_choice_is_told_of_once(tmp_path):
    sink = "echo ready; echo ready; exec grep --line-buffered -v 1"
    lines = [b'{"time":"x","a":%d}\n' % number for number in range(30)]
    done = spool("--pass", tmp_path / "q", "--", "sh", "-c", sink, given=b"".join(lines))
    assert done.stdout == b"".join(line for line in lines if b"1" not in line)
    assert done.returncode == 0
    assert sorted(done.stderr.decode().splitlines()) == [
        "han-spool: sh: has written what it was not given; only a line as it came counts as taken: ready",
        "han-spool: sh: passes on some lines only: those between them count as taken too",
    ]


def test_sigterm_leaves_everything_read_on_disk(tmp_path):
    command = [
        HAN_SPOOL,
        "--hold",
        "1000",
        str(tmp_path / "q"),
        "--",
        "sh",
        "-c",
        "read line; echo $$; exec cat >/dev/null",
    ]
    with subprocess.Popen(command, stdin=-1, stderr=-1) as spooling:
        spooling.stdin.write(b"".join(lines_of(50)))
        spooling.stdin.flush()
        assert b"has written what it was not given" in spooling.stderr.readline()
        spooling.terminate()
        _, err = spooling.communicate(timeout=PATIENCE)
    assert (spooling.returncode, b"wait for the next run" in err) == (0, True)
    assert spool("--pass", tmp_path / "q", "--", "cat").stdout == b"".join(lines_of(50))


@pytest.mark.slow
def test_a_sink_that_reads_no_more_is_waited_for(tmp_path):
    command = [HAN_SPOOL, str(tmp_path / "q"), "--", "sh", "-c", "exec <&-; echo deaf; sleep 0.3; exit 5"]
    with subprocess.Popen(command, stdin=-1, stderr=-1) as spooling:
        assert b"deaf" in spooling.stderr.readline()
        _, err = spooling.communicate(line_of(1), timeout=PATIENCE)
    assert spooling.returncode == 5
    assert b"its login was refused" in err


def test_a_sink_that_is_stopped_gets_whole_lines(tmp_path):
    os.mkfifo(tmp_path / "go")
    process = Process(["sh", "-c", f"read line < {tmp_path}/go; exec cat > {tmp_path}/got"])
    octets = b"".join(lines_of(3000))
    process.give(octets)
    process.push()
    assert process.pending  # a pipe takes 64 KiB: with these lines it ends in the middle of one
    process.finish()
    (tmp_path / "go").write_bytes(b"\n")
    while process.entry >= 0:
        select.select([], [process.entry], [], PATIENCE)
        process.push()
    assert process.wait() == 0
    got = (tmp_path / "got").read_bytes()
    assert octets.startswith(got)
    assert 0 < len(got) < 70_000
    assert got.endswith(b"\n")


@pytest.mark.slow
def test_a_sink_that_does_not_end_is_ended(tmp_path):
    patient = "import sys; sys.path.insert(0, sys.argv[1]); from hanpipe.unix.launch import run; "
    patient += "from hanpipe.spool import sink; sink._LAST_PATIENCE = 0.1; from hanpipe.programs import spool; "
    patient += "sys.exit(run(spool.main, 'han-spool', sys.argv[2:]))"
    stubborn = "trap '' TERM; while :; do sleep 0.05; done"
    command = [sys.executable, "-c", patient, os.path.join(ROOT, "lib"), "--drain", "0.1", tmp_path / "q", "--"]
    done = subprocess.run(
        [*map(str, command), "sh", "-c", stubborn], input=line_of(1), capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 4
    assert b"wait for the next run" in done.stderr


def test_a_reader_that_leaves_ends_it_in_silence_and_what_is_left_waits(tmp_path):
    script = f'"{HAN_SPOOL}" --pass {tmp_path}/q -- cat | head -n 1'
    done = subprocess.run(["sh", "-c", script], input=b"".join(lines_of(20_000)), capture_output=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == (line_of(0, 100), b"")
    rest = spool("--pass", tmp_path / "q", "--", "cat").stdout.splitlines(keepends=True)
    lines = lines_of(20_000)
    begin = lines.index(rest[0]) if rest else 0
    assert rest == lines[begin : begin + len(rest)]


@pytest.mark.slow
def test_idle_means_idle_and_a_line_goes_through_at_once(tmp_path):
    command = [HAN_SPOOL, "--pass", str(tmp_path / "q"), "--", "cat"]

    def switches(pid):
        with open(f"/proc/{pid}/status") as file:
            return [line for line in file if "ctxt_switches" in line]

    with subprocess.Popen(command, stdin=-1, stdout=-1, bufsize=0) as spooling:
        spooling.stdin.write(line_of(1))
        assert spooling.stdout.readline() == line_of(1)

        def idle():
            before = switches(spooling.pid)
            time.sleep(0.4)
            return switches(spooling.pid) == before

        until(idle)
        spooling.send_signal(signal.SIGINT)
        assert spooling.wait(PATIENCE) == 0
