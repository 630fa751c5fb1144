"""han-log: octets pass through unchanged, and dated files hold them in whole frames, whatever happens."""

import gzip
import os
import resource
import signal
import stat
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link import FRAMERS, records
from hanpipe.log.dated import DatedFiles, day_of
from hanpipe.log.wholes import OctetScanner, RecordScanner, Whole, scanner_for
from hanpipe.programs import log
from hanpipe.unix.status import NOTHING, READER_LEFT, USAGE
from needs import needs
from programs import BIN, PATIENCE, Running, run

FRAME = bytes.fromhex(  # Aidon's list 1, of our own making, with one flag after it
    "a02a410883130413e6e7000f40000000000101020309060100010700ff060000011802020f00161b34cd7e"
)
DAY_NS = 86_400_000_000_000
NOON_NS = 1_795_435_200_000_000_000  # 2026-11-23 12:00 UTC: the same day in every time zone of Europe

lines = st.lists(st.sampled_from([FRAME, b"\x7e", b"\x7e" + FRAME, FRAME[:20], b"\x0d\x0a", b"\x7e\x7e\x7e"])).map(
    b"".join
)


def good(octets):
    framer = FRAMERS["auto"]()
    return [event.octets for event in framer.feed(octets) + framer.feed(b"") if event.kind == "H"]


def scanned(scanner, octets, sizes):
    """Feed octets in pieces of these sizes, and the end."""
    at, wholes = 0, []
    for size in sizes:
        wholes += scanner.feed(octets[at : at + size]) if octets[at : at + size] else []
        at += size
    wholes += scanner.feed(octets[at:]) if octets[at:] else []
    return wholes + scanner.feed(b"")


@given(lines, st.lists(st.integers(1, 60)))
def test_octets_are_cut_between_frames_and_none_is_lost(line, sizes):
    octets = b"\x7e" + line
    wholes = scanned(OctetScanner(), octets, sizes)
    assert b"".join(whole.octets for whole in wholes) == octets
    for at in range(len(wholes)):
        files = [b"".join(whole.octets for whole in part) for part in (wholes[:at], wholes[at:])]
        assert good(files[0]) + good(files[1]) == good(octets)


@given(st.binary(max_size=300), st.lists(st.integers(1, 60)))
def test_any_octets_pass_both_cutters(octets, sizes):
    for scanner in (OctetScanner(), RecordScanner()):
        assert b"".join(whole.octets for whole in scanned(scanner, octets, sizes)) == octets


def test_records_go_by_their_own_day(tmp_path):
    written = [records.pack("H", FRAME, NOON_NS + day * DAY_NS) for day in (0, 0, 1)]
    scanner = scanner_for(written[0])
    assert isinstance(scanner, RecordScanner)
    files = DatedFiles(str(tmp_path), "%Y-%m-%d", pytest.fail)
    files.add(scanned(scanner, b"".join(written), [10, 50]))
    files.close()
    assert [(file.name, file.read_bytes()) for file in sorted(tmp_path.iterdir())] == [
        ("2026-11-23", b"".join(written[:2])),
        ("2026-11-24", written[2]),
    ]


def test_octets_are_written_when_they_are_due(tmp_path):
    files = DatedFiles(str(tmp_path), "log", pytest.fail)
    assert files.due() is None
    before = time.monotonic()
    files.add([Whole(FRAME, 1)])
    assert before + 10 <= files.due() <= time.monotonic() + 10
    files.write_due()
    assert not (tmp_path / "log").exists()
    files.add([Whole(bytes(65536), 0)])  # much at once does not wait
    files.write_due()
    assert (tmp_path / "log").stat().st_size == len(FRAME) + 65536
    assert files.due() is None


def test_a_gzip_file_is_readable_at_every_write_and_mended_when_it_was_cut(tmp_path):
    path = tmp_path / "log.gz"
    killed = DatedFiles(str(tmp_path), "log", pytest.fail, gzip=True)
    for number in range(1, 4):
        killed.add([Whole(FRAME, 1)])
        killed.write()
        assert zlib.decompressobj(wbits=31).decompress(path.read_bytes()) == FRAME * number
    with open(path, "r+b") as file:  # a power cut took the last octets
        file.truncate(path.stat().st_size - 6)
    for _ in range(2):
        again = DatedFiles(str(tmp_path), "log", pytest.fail, gzip=True)
        again.add([Whole(b"more", 0)])
        again.close()
    octets = gzip.decompress(path.read_bytes())
    assert octets.startswith(FRAME * 2)
    assert octets.endswith(b"moremore")
    assert os.listdir(tmp_path) == ["log.gz"]


@pytest.mark.parametrize("zeros", [0, 1, 4096, 200_000])
def test_a_power_cut_costs_a_gzip_file_no_frame_that_was_written(tmp_path, zeros):
    path = tmp_path / "log.gz"
    frames = [FRAME[:20] + number.to_bytes(3, "big") + FRAME[23:] for number in range(1000)]
    killed = DatedFiles(str(tmp_path), "log", pytest.fail, gzip=True)
    for at in range(0, 1000, 100):
        killed.add([Whole(b"".join(frames[at : at + 100]), 100)])
        killed.write()
    with open(path, "ab") as file:  # the size was written, the content was not
        file.truncate(path.stat().st_size + zeros)
    again = DatedFiles(str(tmp_path), "log", pytest.fail, gzip=True)
    again.add([Whole(b"more", 0)])
    again.close()
    assert gzip.decompress(path.read_bytes()) == b"".join(frames) + b"more"
    assert os.listdir(tmp_path) == ["log.gz"]


def test_what_follows_zeros_after_a_whole_gzip_file_is_found_by_zcat(tmp_path):
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(FRAME) + bytes(100))
    again = DatedFiles(str(tmp_path), "log", pytest.fail, gzip=True)
    again.add([Whole(b"more", 0)])
    again.close()
    assert run("zcat", str(path)) == (0, FRAME + b"more", "")


@pytest.mark.parametrize("octets", [b"", gzip.compress(FRAME), gzip.compress(b"") * 2], ids=["empty", "one", "two"])
def test_a_gzip_file_that_is_whole_is_not_written_anew(tmp_path, octets):
    path = tmp_path / "log.gz"
    path.write_bytes(octets)
    before = path.stat().st_ino
    again = DatedFiles(str(tmp_path), "log", pytest.fail, gzip=True)
    again.add([Whole(b"more", 0)])
    again.close()
    assert path.read_bytes().startswith(octets)
    assert path.stat().st_ino == before


def test_old_files_of_the_pattern_go(tmp_path):
    stays = ["2026-11-13.raw", "2026-11-22.raw.gz", "2026-1-2.raw", "2020-01-01.csv", "x2020-01-01.raw", "notes"]
    goes = ["2020-01-01.raw", "2026-11-12.raw", "2026-11-12.raw.gz"]
    for name in stays + goes:
        (tmp_path / name).touch()
    today = day_of("2026-11-23.raw", "%Y-%m-%d.raw")
    assert sorted(name for name in stays + goes if is_old(name, today - 10)) == sorted(goes)
    files = DatedFiles(str(tmp_path), "%Y-%m-%d.raw", pytest.fail, keep=10)  # from the day after the 22nd
    files.add([Whole(FRAME, 1, NOON_NS)])
    files.close()
    assert sorted(os.listdir(tmp_path)) == sorted([*stays, "2026-11-23.raw"])


def test_a_file_that_cannot_be_deleted_keeps_no_other(tmp_path):
    names = ["2026-11-01.raw.gz", "2026-11-02.raw.gz", "2026-11-03.raw.gz"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / names[1]).unlink()
    (tmp_path / names[1]).mkdir()
    said = []
    files = DatedFiles(str(tmp_path), "%Y-%m-%d.raw.gz", said.append, keep=10)
    (tmp_path / "2026-11-22.raw.gz").touch()
    files.add([Whole(FRAME, 1, NOON_NS)])
    files.close()
    assert sorted(os.listdir(tmp_path)) == [names[1], "2026-11-22.raw.gz", "2026-11-23.raw.gz"]
    assert said == [f"{tmp_path}/{names[1]}: is a directory; it stays"]


def is_old(name, limit):
    day = day_of(name.removesuffix(".gz"), "%Y-%m-%d.raw")
    return day is not None and day < limit


# From here on the program as it is run


def test_octets_and_records_pass_and_are_kept(tmp_path):
    octets = b"\x7e" + FRAME * 5000 + FRAME[:20]
    assert run("han-log", "--dir", f"{tmp_path}/new/dir", given=octets) == (0, octets, "")
    packed = records.pack("H", FRAME, 0) * 3 + records.pack("t", FRAME[:20], 0) + b"HANtorn"
    assert run("han-log", "--dir", f"{tmp_path}/new/dir", "--gzip", given=packed) == (0, packed, "")
    today = time.strftime("%Y-%m-%d")
    assert (tmp_path / f"new/dir/{today}.raw").read_bytes() == octets
    assert gzip.decompress((tmp_path / f"new/dir/{today}.records.gz").read_bytes()) == packed
    assert stat.S_IMODE((tmp_path / f"new/dir/{today}.raw").stat().st_mode) & 0o007 == 0


@pytest.mark.parametrize("octets", [b"", b"H", b"no frame at all"])
def test_nothing_valid_gives_its_status_and_a_line_that_says_so(tmp_path, octets):
    words = "han-log: found no good frame in the input; it is kept all the same\n"
    assert run("han-log", "--dir", str(tmp_path), given=octets) == (NOTHING, octets, words)
    assert b"".join(file.read_bytes() for file in tmp_path.iterdir()) == octets


def test_a_full_disk_ends_nothing(tmp_path):
    (tmp_path / "log").symlink_to("/dev/full")
    octets = b"\x7e" + FRAME * 40000  # more than waits for the disk
    status, output, messages = run("han-log", "--dir", str(tmp_path), "--name", "log", given=octets)
    assert (status, output) == (0, octets)
    assert messages == f"han-log: {tmp_path}/log: no space left on device; going on without it\n"


FULL = """
mount -t tmpfs -o size=64k tmpfs "$1" || exit 77
head -c 49152 /dev/zero > "$1/other"
"$2" --dir "$1" --name log
status=$?
cat "$1/log" > "$3"
exit $status
"""


def test_a_disk_that_fills_up_ends_nothing_and_holds_what_fits(tmp_path):
    octets = b"\x7e" + FRAME * 10000
    (tmp_path / "disk").mkdir()
    needs("unshare")
    log = ["bash", "-c", FULL, "bash", f"{tmp_path}/disk", f"{BIN}/han-log", f"{tmp_path}/kept"]
    status, output, messages = run("unshare", "-rm", *log, given=octets)
    if messages.startswith("unshare") or status == 77:
        pytest.skip("this user may make no mount namespace: run the tests as root")
    fits = (tmp_path / "kept").read_bytes()
    assert octets.startswith(fits)
    assert 4096 <= len(fits) <= 16384
    assert (status, output) == (0, octets)
    assert messages.endswith("/disk/log: no space left on device; going on without it\n")


def test_a_file_that_may_not_grow_ends_nothing_and_holds_what_fits(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    octets = b"\x7e" + FRAME * 10000
    status, output, messages = run("han-log", "--dir", str(tmp_path), "--name", "log", given=octets, preexec_fn=limit)
    assert (status, output) == (0, octets)
    assert "file too large; going on without it" in messages
    assert (tmp_path / "log").read_bytes() == octets[:100_000]


def test_the_disk_is_used_again_when_it_can_be(tmp_path):
    result = []
    directory = tmp_path / "away" / "logs"
    (tmp_path / "away").touch()  # so that the directory cannot be made
    files = DatedFiles(str(directory), "log", result.append)
    for _ in range(3):
        files.add([Whole(FRAME, 1)])
        files.write()
    (tmp_path / "away").unlink()
    files.write()
    files.close()
    assert (directory / "log").read_bytes() == FRAME * 3
    assert result == [
        f"{directory}/log: not a directory; going on without it",
        f"{directory}/log: written again after 0 s",
    ]


@pytest.mark.parametrize("options", [[], ["--gzip"]])
def test_what_was_written_before_a_kill_is_readable(tmp_path, options):
    octets = b"\x7e" + FRAME * 4000
    with Running("han-log", "--dir", str(tmp_path), "--name", "log", *options) as log:
        for at in range(0, len(octets), 4096):  # a piece passes when the one before it is dealt with
            log.say(octets[at : at + 4096])
            log.hear(len(octets[at : at + 4096]))
        log.process.kill()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    if options:
        kept = zlib.decompressobj(wbits=31).decompress(kept)
    assert octets.startswith(kept)
    assert len(kept) > 65536
    assert len(good(kept)) == len(kept) // len(FRAME)
    assert kept.endswith(FRAME[:-1])


def test_sigterm_writes_what_waits(tmp_path):
    octets = b"\x7e" + FRAME + FRAME[:9]
    with Running("han-log", "--dir", str(tmp_path), "--name", "log") as log:
        log.say(octets)
        assert log.hear(len(octets)) == octets
        log.signal(signal.SIGTERM)
        assert log.end() == (0, b"", "")
    assert (tmp_path / "log").read_bytes() == octets


def test_a_reader_that_leaves_keeps_the_log(tmp_path):
    with Running("han-log", "--dir", str(tmp_path), "--name", "log") as log:
        log.say(b"\x7e" + FRAME)
        log.hear(len(FRAME) + 1)
        log.process.stdout.close()
        log.say(FRAME)
        assert log.process.wait(PATIENCE) == READER_LEFT
    assert (tmp_path / "log").read_bytes() == b"\x7e" + FRAME * 2


def test_what_cannot_be_is_said(tmp_path, capfd):
    (tmp_path / "file").touch()
    status, _, messages = run("han-log", "--dir", f"{tmp_path}/file/dir")
    assert (status, messages) == (4, f"han-log: {tmp_path}/file/dir: not a directory\n")
    status, _, messages = run("han-log", "--dir", f"{tmp_path}/file")
    assert (status, messages) == (4, f"han-log: {tmp_path}/file: expected a directory, found a file\n")
    assert run("han-log", "--dir", str(tmp_path), f"{tmp_path}/none")[0] == 4
    for options in (["--name", "a/b"], ["--name", ""], ["--name", "%H.raw", "--keep", "5"], ["--keep", "0"]):
        with pytest.raises(SystemExit) as result:
            log.main(["--dir", str(tmp_path), *options])
        assert result.value.code == USAGE
    assert capfd.readouterr().err.count("usage: han-log") == 4


def test_no_more_than_a_mebibyte_waits_for_a_disk_that_refuses(tmp_path):
    messages = []
    (tmp_path / "log").symlink_to("/dev/full")
    files = DatedFiles(str(tmp_path), "log", messages.append)
    for _ in range(300):
        files.add([Whole(bytes(10_000), 0)])
        files.write()
        assert files._unwritten() <= (1 << 20) + 10_000
    files.close()
    assert messages == [f"{tmp_path}/log: no space left on device; going on without it"]
