"""The programs of the pipe as users run them: over pipes, a reader that leaves, a full disk, a torn file, a signal."""

import contextlib
import functools
import json
import os
import select
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import encoder
from conftest import ROOT
from hanpipe.programs import frame
from programs import BIN, PATIENCE, Ran, Running, run, shell, wait_until

PROGRAMS = ("han-frame", "han-decode", "han-fields")
MOST_MEMORY = 40 * 1024  # KiB of RSS


def push(watts: int) -> bytes:
    """A frame with a list of one value."""
    power = [{"octet-string": "0100010700ff"}, {"double-long-unsigned": watts}]
    power.append({"structure": [{"integer": 0}, {"enum": 27}]})
    return encoder.pushed(encoder.notification({"array": [{"structure": power}]}))


def line_of(count: int) -> bytes:
    return b"".join(b"\x7e" + push(number) + b"\x7e" for number in range(1, count + 1))


@functools.cache
def made_for(program: str, octets: bytes) -> bytes:
    """Return what a program would be given of these octets of the line."""
    for earlier in PROGRAMS[: PROGRAMS.index(program)]:
        octets = run(earlier, given=octets).out
    return octets


def assert_one_clear_line(done: Ran, program: str, *words: str) -> None:
    text = done.words
    assert text.startswith(program + ": ")
    assert text.count("\n") == 1
    for word in words:
        assert word in text


# --- the main job ---


def test_the_pipe_gives_a_reading_a_frame() -> None:
    done = shell("han-frame | han-decode | han-fields", line_of(3))
    assert (done.status, done.words) == (0, "")
    assert [json.loads(line)["act_pow_pos"] for line in done.out.splitlines()] == [1, 2, 3]


@pytest.mark.parametrize("program", PROGRAMS)
def test_files_are_read_one_after_the_other_and_a_dash_is_stdin(program: str, tmp_path: Any) -> None:
    octets = made_for(program, line_of(2))
    file = tmp_path / "octets"
    file.write_bytes(octets)
    twice = run(program, str(file), "-", given=octets)
    assert (twice.status, twice.words) == (0, "")
    assert without_time(program, twice.out) == without_time(program, run(program, given=octets + octets).out)


def without_time(program: str, made: bytes) -> Any:
    if program == "han-frame":
        return [(kind, octets) for kind, octets, _ in records(made)]
    return [{key: value for key, value in json.loads(line).items() if key != "time"} for line in made.splitlines()]


def records(made: bytes) -> list[tuple[bytes, bytes, int]]:
    found, at = [], 0
    while at < len(made):
        magic, kind, length, time = struct.unpack_from(">3scIQ", made, at)
        assert magic == b"HAN"
        found.append((kind, made[at + 16 : at + 16 + length], time))
        at += 16 + length
    return found


def test_a_record_has_the_time_of_its_read_from_a_pipe_and_none_from_a_file(tmp_path: Any) -> None:
    file = tmp_path / "octets"
    file.write_bytes(line_of(1))
    assert records(run("han-frame", str(file)).out)[0][2] == 0
    assert records(run("han-frame", given=line_of(1)).out)[0][2] > 1_500_000_000 * 10**9
    assert records(run("han-frame", "--no-time", given=line_of(1)).out)[0][2] == 0


def test_raw_gives_back_the_same_frames() -> None:
    noisy = b"noise" + line_of(2) + b"\x7e" + push(3)[:-4] + line_of(1) + b"\xa0\x7e"
    made = run("han-frame", "--no-time", given=noisy).out
    raw = run("han-frame", "--raw", given=made)
    assert raw.status == 0
    good = [octets for kind, octets, _ in records(made) if kind == b"H"]
    again = run("han-frame", "--no-time", given=raw.out).out
    assert [octets for kind, octets, _ in records(again) if kind == b"H"] == good


@pytest.mark.parametrize("program", PROGRAMS)
def test_n_stops_after_so_many_good_ones(program: str) -> None:
    octets = made_for(program, b"noise" + line_of(5))
    done = run(program, "-n", "2", given=octets)
    assert done.status == 0
    made = without_time(program, done.out)
    assert (
        sum("fault" not in one and one[0] != b"n" if program == "han-frame" else "fault" not in one for one in made)
        == 2
    )


# --- usage ---


@pytest.mark.parametrize("reader", [["--raw"], ["--pcap", "--from-records"]])
@pytest.mark.parametrize("octets", [["--from-hex"], ["--lines"], ["--escapes"], ["--link", "hdlc"]])
def test_options_for_octets_are_refused_where_records_are_read(
    reader: list[str], octets: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as result:
        frame.main([*reader, *octets])
    assert result.value.code == 2
    assert f"leave out {'' if octets == ['--lines'] else '--from-hex'}" in capfd.readouterr().err


@pytest.mark.parametrize(("program", "operand"), [("han-every", "PERIOD"), ("han-parquet", "FILE")])
def test_only_operands_that_are_required_are_called_missing(program: str, operand: str) -> None:
    done = run(program)
    assert (done.status, done.words.splitlines()[-1]) == (
        2,
        f"{program}: error: the following arguments are required: {operand}",
    )


@pytest.mark.parametrize(
    "command",
    [
        "han-read --idle x",
        "han-fake --speed x",
        "han-fake --start x",
        "han-mqtt --port x",
        "han-spool --hold x q -- cat",
    ],
)
def test_a_wrong_value_is_reported_in_words(command: str) -> None:
    done = shell(command)
    assert done.status == 2
    assert "'x'" in done.words
    assert ": invalid " not in done.words  # argparse's own words


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("options", [["--nonsense"], ["-n", "0"], ["-v", "-q"]])
def test_a_wrong_option_gives_2(program: str, options: list[str]) -> None:
    done = run(program, *options)
    assert (done.status, done.out) == (2, b"")
    assert "Traceback" not in done.words


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_are_on_stdout(program: str, option: str) -> None:
    done = run(program, option)
    assert (done.status, done.words) == (0, "")
    assert program.encode() in done.out


# --- inputs that cannot be read, outputs that cannot be written ---


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_file_and_a_directory_give_4(program: str, tmp_path: Any) -> None:
    assert_ends_with_4(run(program, str(tmp_path / "none")), program, "none", "no such file")
    assert_ends_with_4(run(program, str(tmp_path)), program, "is a directory")


def assert_ends_with_4(done: Ran, program: str, *words: str) -> None:
    assert done.status == 4
    assert_one_clear_line(done, program, *words)


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unreadable_file_gives_4(program: str, tmp_path: Any) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0)
    unprivileged = "setpriv --bounding-set=-all " if os.geteuid() == 0 else ""  # root may read everything
    assert_ends_with_4(shell(f"{unprivileged}{program} {file}"), program, "secret", "permission denied")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_full_disk_gives_4(program: str) -> None:
    octets = made_for(program, line_of(3))
    with open("/dev/full", "wb") as full:
        assert_ends_with_4(run(program, given=octets, stdout=full), program, "no space left")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_closed_stdout_gives_4_and_a_closed_stdin_holds_nothing(program: str, tmp_path: Any) -> None:
    file = tmp_path / "octets"
    file.write_bytes(made_for(program, line_of(1)))
    assert_ends_with_4(shell(f"{program} {file} >&-"), program, "standard output")
    assert shell(f"{program} <&-").status == 1


# --- a reader that leaves ---


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_reader_that_leaves_ends_the_program_in_silence(program: str, tmp_path: Any) -> None:
    file = tmp_path / "octets"
    file.write_bytes(made_for(program, line_of(4000)))
    done = shell(f"{program} {file} | head -c 100 >/dev/null")
    assert (done.status in (0, 141), done.words) == (True, "")


@pytest.mark.parametrize(
    "pipe",
    ["han-frame | head -1", "han-frame | han-decode | head -1", "han-frame | han-decode | han-fields | head -1",
     "han-frame | han-decode -n 1 | han-fields"],
)  # fmt: skip
def test_a_reader_may_leave_anywhere(pipe: str, tmp_path: Any) -> None:
    file = tmp_path / "octets"
    file.write_bytes(line_of(4000))
    done = shell(pipe.replace("han-frame", f"han-frame {file}", 1) + " >/dev/null")
    assert (done.status in (0, 141), done.words) == (True, "")


# --- input that is not what it should be ---


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("given", [b"", b"\x7e", b"H", b"\xff{\n" * 1000], ids=repr)
def test_input_that_holds_nothing_gives_1(program: str, given: bytes) -> None:
    done = run(program, "-q", given=given)
    assert (done.status, done.words) == (1, "")


def test_a_torn_file_of_records_loses_only_the_torn_one() -> None:
    whole = run("han-frame", "--no-time", given=line_of(3)).out
    size = len(whole) // 3
    for cut in (8, size, 2 * size - 1, 2 * size - 3):
        made = run("han-decode", given=whole[:cut] + whole).out
        result = [json.loads(line) for line in made.splitlines()]
        good = [one["body"]["array"][0]["structure"][1]["double-long-unsigned"] for one in result if "body" in one]
        assert good == [*range(1, cut // size + 1), 1, 2, 3], f"cut at {cut} of {size}"


_ONE = '{"structure":[{"octet-string":"0100010700ff"},{"long":1},{"structure":[{"integer":%s},{"enum":27}]}]}'
HOSTILE_LINES = {
    "brackets without end": "[" * 100_000,
    "objects without end": '{"body":' * 50_000,
    "nested structures": '{"body":' + '{"structure":[' * 300 + '{"long":1}' + "]}" * 300 + "}",
    "a number beyond all": '{"body":{"array":[{"float64":1e999}]}}',
    "not a number": '{"body":{"array":[{"float64":NaN}]}}',
    "a list for a number": '{"body":{"structure":[{"long":[7]}]}}',
    "a list for a clock": '{"date_time":[5,12],"body":{"structure":[{"octet-string":[3,12]}]}}',
    "a scaler of 5,000": '{"body":{"array":[%s]}}' % (_ONE % 5000),
    "a control character in the time": '{"time":"a\x01b","body":{"structure":[{"long":1}]}}',
    "a time that is an object": '{"time":{},"body":{"structure":[{"long":1}]}}',
    "numbers as text": '{"body":{"structure":[{"long":"1"},{"long":null},{"long":true}]}}',
    "5,000 digits": '{"body":{"structure":[{"long":%s}]}}' % ("9" * 5000),
    "no UTF-8": '{"body":{"structure":[{"visible-string":"\udcff"}]}}',
    "half a surrogate": '{"body":{"structure":[{"visible-string":"\\ud800"},{"\\ud800":1}]}}',
    "no typed values": '{"body":[1,2]}',
    "empty": '{"body":{}}',
}


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def complaint_about(line: str) -> str:
    """Return what is wrong with han-fields on a hostile line with a good one after it; nothing if all is well."""
    good = '{"body":{"array":[%s]}}' % (_ONE % 0)
    done = run("han-fields", "-q", given=f"{line}\n{good}\n".encode(errors="surrogateescape"))
    try:
        result = [json.loads(made, parse_constant=_refuse) for made in done.out.splitlines()]
    except ValueError as error:
        return f"no JSON: {error}"
    return "" if (done.status, result[-1:]) == (0, [{"act_pow_pos": 1}]) else done.words or "lost"


def test_no_line_ends_han_fields_or_makes_it_print_what_is_no_json() -> None:
    if complaint_about("\n".join(HOSTILE_LINES.values())):
        complaints = {name: complaint_about(line) for name, line in HOSTILE_LINES.items()}
        pytest.fail("\n".join(f"{name}: {text}" for name, text in complaints.items() if text) or "only all together")


# --- bounds ---

# Feeds octets to a program and prints its exit status and its largest RSS in KiB. It is small itself: the RSS of
# a child begins with that of its parent.
_MEASURE = """
import os, sys
unit, octets, command = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
source, sink = os.pipe()
child = os.fork()
if not child:
    os.dup2(source, 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.close(source)
    os.close(sink)
    os.execvp(command[0], command)
os.close(source)
piece = unit * (65536 // len(unit))
for _ in range(octets // len(piece)):
    os.write(sink, piece)
os.close(sink)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def measured(unit: bytes, octets: int, program: str, *options: str) -> tuple[int, int]:
    """Return exit status and largest RSS in KiB of a program that is fed with unit over and over."""
    fed = [sys.executable, "-I", "-S", "-c", _MEASURE, unit.hex(), str(octets), os.path.join(BIN, program), "-q"]
    with subprocess.Popen([*fed, *options], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            status, memory = process.communicate(timeout=5 * PATIENCE)[0].split()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and the program that it feeds
            raise
    return int(status), int(memory)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("unit", [b"\0", b"\x7e"], ids=["zeros", "flags"])
def test_100_megabytes_without_a_frame_end_and_take_bounded_memory(program: str, unit: bytes) -> None:
    """At a second for a megabyte, as quadratic work would take, this would end in a time-out."""
    status, memory = measured(unit, 100_000_000, program)
    assert (status, memory < MOST_MEMORY) == (1, True), f"{memory} KiB"


def test_long_faults_of_many_kinds_cost_han_fields_next_to_nothing(tmp_path: Any) -> None:
    """A fault is not a list: no shape of it is worked out, and none is kept, neither here nor in re."""
    file = tmp_path / "faults"
    lines = [json.dumps({"fault": "noise", "octets": f"{number:06x}" * 2000}) + "\n" for number in range(600)]
    file.write_text("".join(lines))
    status, memory = measured(b"\0", 0, "han-fields", str(file))
    assert (status, memory < MOST_MEMORY) == (1, True), f"{memory} KiB"


# --- live ---


def is_silent(running: Running) -> bool:
    """Return whether a program writes nothing for a moment."""
    return not select.select([running.process.stdout], [], [], 0.05)[0]


def test_a_reading_comes_with_the_closing_flag_and_not_with_the_next_frame() -> None:
    with Running("bash", "-c", "han-frame | han-decode | han-fields") as pipe:
        for watts in (1, 2):
            frame = b"\x7e" + push(watts)
            pipe.say(frame[:20])
            pipe.say(frame[20:])
            assert is_silent(pipe)
            pipe.say(b"\x7e")
            assert json.loads(pipe.hear())["act_pow_pos"] == watts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_signal_ends_the_input_and_what_was_read_is_written(program: str, number: signal.Signals) -> None:
    octets = made_for(program, line_of(2))
    with Running(program) as live:
        live.say(octets + b"\x7eHAN{")
        heard = live.hear()
        live.signal(number)
        status, out, words = live.end()
        assert (status, words) == (0, "")
        made = without_time(program, heard + out)
        assert ["fault" in one for one in made[:2]] == [False, False]
        if program == "han-frame":
            assert made[2:] == [(b"n", b"HAN{")]


def has_open(pid: int, path: str) -> bool:
    """Tell whether a process has opened a file, beyond the three that it was given."""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(FileNotFoundError):  # closed meanwhile
        return any(os.readlink(f"{folder}/{number}") == path for number in os.listdir(folder) if int(number) > 2)
    return False


def test_a_signal_ends_the_wait_for_the_writer_of_a_fifo(tmp_path: Path) -> None:
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    with Running("han-frame", fifo) as live:
        wait_until(lambda: has_open(live.process.pid, fifo))
        live.process.terminate()
        assert live.process.wait(PATIENCE) == 1


def test_a_fifo_is_read_from_its_first_writer_to_its_last_octet(tmp_path: Path) -> None:
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    with Running("han-frame", "--hex", fifo) as live:
        wait_until(lambda: has_open(live.process.pid, fifo))
        with open(fifo, "wb") as writer:
            writer.write(line_of(2))
        status, out, words = live.end()
        assert (status, words) == (0, "")
        assert out.count(b"FCS") == 2


# Ctrl-C while a module is being loaded, as it is likely to come to somebody who has mistyped.
INTERRUPTED = """
import runpy, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
program, sys.argv = sys.argv[2], sys.argv[:2]
sys.argv[0] = program
runpy.run_path(program, run_name="__main__")
"""


@pytest.mark.parametrize("module", ["hanpipe", "hanpipe.unix.program", "hanpipe.programs.frame", "hanpipe.link.hdlc"])
def test_ctrl_c_before_a_program_is_ready_ends_it_in_silence(module: str) -> None:
    assert run(sys.executable, "-c", INTERRUPTED, module, f"{BIN}/han-frame") == (130, b"", "")


@pytest.mark.slow
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_program_that_cannot_write(second: signal.Signals) -> None:
    with Running("han-frame") as live:
        assert live.process.stdin
        octets = line_of(100)
        live.say(octets)
        live.hear()
        os.set_blocking(live.process.stdin.fileno(), False)

        def stands() -> bool:  # it sleeps though there is something to read: in a write, as nobody reads its output
            try:
                live.say(octets)
            except BlockingIOError:
                return state(live.process.pid) == "S"
            return False

        wait_until(stands)
        live.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            live.process.wait(0.2)
        live.process.send_signal(second)
        assert live.process.wait(PATIENCE) == -second


def test_a_silent_line_costs_no_cpu() -> None:
    with Running("han-frame") as live:
        live.say(line_of(1))
        live.hear()
        before = switches(live.process.pid)
        assert is_silent(live)
        assert is_silent(live)
        assert switches(live.process.pid) - before <= 1


def state(pid: int) -> str:
    """Return R, S, ...: what a process is doing."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def switches(pid: int) -> int:
    """Return how often a process has gone to sleep."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)


@pytest.mark.parametrize(
    ("program", "counter", "options"),
    [
        ("han-frame", "frames", []),
        ("han-frame", "frames", ["--hex"]),
        ("han-decode", "messages", []),
        ("han-decode", "messages", ["--tree"]),
        ("han-fields", "readings", []),
        ("han-fields", "readings", ["--text"]),
    ],
)
def test_counters_are_of_what_was_written(program: str, counter: str, options: list[str]) -> None:
    octets = made_for(program, line_of(2) + b"noise" + line_of(3))
    for count, expected in ((4, 4), (9, 5)):
        done = run(program, *options, "-n", str(count), "--stats", given=octets)
        assert json.loads(done.words)[counter] == expected


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize("buffered", ["", "1"])
def test_help_onto_a_full_disk_says_so(option: str, buffered: str) -> None:
    with open("/dev/full", "wb") as full:
        done = run("han-frame", option, stdout=full, env={"PYTHONUNBUFFERED": buffered})
    assert (done.status, done.words) == (4, "han-frame: standard output: no space left on device\n")


@pytest.mark.parametrize("stderr", ["&-", "/dev/full"])
def test_wrong_usage_is_a_status_though_nobody_hears_the_words(stderr: str) -> None:
    assert shell(f"han-frame --no-such-option 2>{stderr}").status == 2


@pytest.mark.parametrize("name", sorted(name for name in os.listdir(BIN) if name.startswith("han-")))
def test_help_fits_80_columns(name: str) -> None:
    assert max(map(len, run(name, "--help").out.decode().splitlines())) <= 80


@pytest.mark.parametrize(("name", "missing"), [("han-decode", "han-frame"), ("han-fields", "han-decode")])
def test_a_stage_left_out_is_named(name: str, missing: str) -> None:
    with open(f"{ROOT}/lib/hanpipe/fake/house.raw", "rb") as capture:
        done = run(name, stdin=capture)
    assert done.status == 1
    assert missing in done.words


NOTHING_TO_DO = {
    "han-anon": (),
    "han-csv": (),
    "han-decode": (),
    "han-domoticz": ("--dry-run", "--power", "1"),
    "han-every": ("1h",),
    "han-fields": (),
    "han-frame": (),
    "han-influx": (),
    "han-log": ("--dir", "{tmp}"),
    "han-p1": (),
    "han-parquet": ("{tmp}/x.parquet",),
    "han-peaks": ("--rule", "no"),
    "han-prom": ("--textfile", "{tmp}/x.prom"),
    "han-report": (),
    "han-spool": ("{tmp}/queue", "--", "cat"),
    "han-web": ("--listen", "0", "--store", "{tmp}/x.db"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "given"),
    [
        (program, given)
        for program in sorted(NOTHING_TO_DO)
        for given in (b"", b"\n", b"no meter, and no reading\n")
        if program != "han-spool" or not given  # a spool keeps any line
    ],
)
def test_a_program_that_finds_nothing_says_so_in_one_line(program: str, given: bytes, tmp_path: Path) -> None:
    if program == "han-parquet":
        pytest.importorskip("pyarrow")
    ran = run(program, *(option.format(tmp=tmp_path) for option in NOTHING_TO_DO[program]), given=given)
    assert (ran.status, ran.words.count("\n")) == (1, 1), ran.words
    assert ran.words.startswith(f"{program}: ")
    assert (
        run(program, "-q", *(option.format(tmp=tmp_path) for option in NOTHING_TO_DO[program]), given=given).words == ""
    )
