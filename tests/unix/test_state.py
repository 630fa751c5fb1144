"""Files that outlast a run: private, whole whatever happens, and never reached through a link in a shared directory."""

import contextlib
import errno
import os
import stat

import pytest

from hanpipe.apdu.counters import CounterFile
from hanpipe.log.file import File
from hanpipe.spool.backlog import Backlog
from hanpipe.unix.state import create, open_own, replace, resolved
from programs import Running, run

TITLES = [b"KAM\0\0\0\0" + bytes([number]) for number in range(5)]


@pytest.fixture
def shared(tmp_path):
    """A directory like /tmp, in which somebody has put a link to a file of ours, and has left a file of his own."""
    (tmp_path / "ours").write_text("precious")
    directory = tmp_path / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    (directory / "link").symlink_to(tmp_path / "ours")
    yield directory
    assert (tmp_path / "ours").read_text() == "precious"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# Whole ---------------------------------------------------------------------------------------------------------------


def test_a_file_is_synced_before_its_name_and_its_name_before_the_end(tmp_path, monkeypatch):
    happened = []

    def noted(name):
        real = getattr(os, name)

        def call(*given):
            on = os.readlink(f"/proc/self/fd/{given[0]}") if isinstance(given[0], int) else given[0]
            happened.append((name, os.path.relpath(on, tmp_path)))
            return real(*given)

        return call

    for name in ("write", "fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    replace(str(tmp_path / "a"), b"new")
    assert happened == [("write", ".a.new"), ("fsync", ".a.new"), ("replace", ".a.new"), ("fsync", ".")]
    assert ((tmp_path / "a").read_bytes(), mode(tmp_path / "a")) == (b"new", 0o600)


@pytest.mark.parametrize("failing", ["open", "write", "fsync", "replace"])
def test_a_failure_leaves_the_old_content_and_nothing_beside_it(tmp_path, monkeypatch, failing):
    (tmp_path / "a").write_bytes(b"old")

    def fail(*given):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises(OSError, match="full"):
            replace(str(tmp_path / "a"), b"new")
    assert (os.listdir(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"old")
    (tmp_path / ".a.new").write_bytes(b"left by a crash")
    replace(str(tmp_path / "a"), b"new")
    assert (os.listdir(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"new")


def test_a_partial_write_is_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, octets: real(descriptor, octets[:3]))
    replace(str(tmp_path / "a"), b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


# Ours ----------------------------------------------------------------------------------------------------------------


def test_no_link_is_followed_in_a_shared_directory(shared):
    with pytest.raises(OSError, match="is a link in a directory that others can write to"):
        resolved(str(shared / "link"))
    with pytest.raises(OSError, match="symbolic links"):
        open_own(str(shared / "link"), os.O_RDONLY)
    os.symlink(shared.parent / "ours", shared / ".a.new")
    replace(str(shared / "a"), b"new")
    replace(str(shared / "link"), b"new")
    assert not (shared / "link").is_symlink()


def test_a_link_in_a_directory_of_ones_own_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("file")
    assert resolved(str(tmp_path / "link")) == str(tmp_path / "file")


def test_a_file_of_another_user_in_a_shared_directory_is_not_used(shared, monkeypatch):
    (shared / "file").write_bytes(b"")
    os.close(open_own(str(shared / "file"), os.O_RDONLY))
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(OSError, match="expected a regular file of our own"):
        open_own(str(shared / "file"), os.O_RDONLY)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_shared(shared):
    shared.chmod(0o755)
    os.close(open_own(str(shared / "link"), os.O_RDONLY))
    os.chown(shared, 4711, 4711)
    with pytest.raises(OSError, match="symbolic links"):
        open_own(str(shared / "link"), os.O_RDONLY)


def test_what_is_not_a_regular_file_is_not_waited_for(shared):
    os.mkfifo(shared / "fifo")
    with pytest.raises(OSError, match="expected a regular file"):
        open_own(str(shared / "fifo"), os.O_RDONLY)


def test_every_file_that_holds_state_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        CounterFile(str(tmp_path / "counters")).save()
        counters = CounterFile(str(tmp_path / "counters"))
        counters.check(TITLES[0], 5)
        counters.save()
        queue = Backlog(str(tmp_path), 10**6, pytest.fail)
        queue.put(b"line\n" * 2)
        queue.next(5)
        queue.acknowledge(5)
        os.close(create(str(tmp_path / "new")))
    finally:
        os.umask(before)
    assert [mode(path) for path in tmp_path.iterdir()] == [0o600] * 4


def test_programs_do_not_follow_links_of_others(shared):
    key = shared.parent / "keys"
    key.write_text("* 000102030405060708090A0B0C0D0E0F\n")
    key.chmod(0o600)
    ran = run("han-decode", "--key-file", str(key), "--counters", str(shared / "link"))
    assert (ran.status, "is a link in a directory" in ran.words) == (4, True)
    os.mkdir(shared / "spool")
    os.chmod(shared / "spool", 0o777)
    os.symlink(shared.parent / "ours", shared / "spool" / f"{0:020}.jsonl")
    os.symlink(shared.parent / "ours", shared / "spool" / "taken")
    ran = run("han-spool", str(shared / "spool"), "--", "cat", given=b'{"act_pow_pos":1}\n')
    assert (ran.status, "Traceback" in ran.words) == (4, False)
    with Running("han-log", "--dir", str(shared), "--name", "link") as log:
        log.say(b"\x7e" * 100)
        assert "symbolic links; going on without it" in log.end().words


# Torn ----------------------------------------------------------------------------------------------------------------


def test_a_counter_file_cut_at_any_octet_loses_its_last_line_alone(tmp_path):
    path = tmp_path / "counters"
    counters = CounterFile(str(path))
    for number, title in enumerate(TITLES):
        counters.check(title, 1000 + number)
    counters.save()
    octets = path.read_bytes()
    for size in range(len(octets) + 1):
        path.write_bytes(octets[:size])
        whole = octets[:size].count(b"\n")
        again = CounterFile(str(path))
        assert again.highest == dict(zip(TITLES[:whole], range(1000, 1000 + whole), strict=True))
        assert again.torn == (not octets[:size].endswith(b"\n") and size > 0)


@pytest.fixture
def queue_files(tmp_path):
    """The files of a queue with several segments and offsets; the lines in them, and how many of them were taken."""
    queue = Backlog(str(tmp_path), 70_000, pytest.fail)
    lines = [b"%06d %s\n" % (number, b"x" * 60) for number in range(300)]
    for at in range(0, 300, 30):
        queue.put(b"".join(lines[at : at + 30]))
    taken = 0
    for _ in range(20):
        octets = queue.next(200)
        queue.acknowledge(len(octets))
        taken += octets.count(b"\n")
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(files) > 4
    queue.close()
    return files, lines, taken


@pytest.mark.slow
def test_a_queue_whose_files_are_cut_at_any_octet_loses_only_what_was_cut(tmp_path, queue_files):
    files, lines, taken_lines = queue_files
    for name, octets in files.items():
        for size in range(0, len(octets) + 1, 1 if name == "taken" else 41):
            got = drained(tmp_path / f"{name}-{size}", files | {name: octets[:size]})
            if name == "taken":  # each offset that is lost sends its lines again
                taken = int(octets[size // 21 * 21 - 21 : size // 21 * 21]) if size >= 21 else 0
                first = max(taken, min(int(other[:20]) for other in files if other != "taken"))
                assert got == lines[first // len(lines[0]) :]
            else:
                start = int(name[:20]) // len(lines[0])
                cut = range(start + size // len(lines[0]), start + len(octets) // len(lines[0]))
                assert got == [line for at, line in enumerate(lines) if at >= taken_lines and at not in cut]


def drained(directory, files):
    """Return the lines that a queue of these files still sends."""
    directory.mkdir()
    for name, octets in files.items():
        (directory / name).write_bytes(octets)
    queue, got = Backlog(str(directory), 10**6, lambda message: None), []
    while octets := queue.next():
        queue.acknowledge(len(octets))
        got += octets.splitlines(keepends=True)
    queue.close()
    return got


@pytest.mark.parametrize("gzip", [False, True])
def test_a_log_cut_at_any_octet_goes_on_after_what_can_be_read(tmp_path, gzip):
    import zlib

    path = tmp_path / "log"
    log = File(str(path), gzip=gzip)
    for number in range(4):
        log.take(b"frame %d." % number)
        log.write()
    octets = path.read_bytes()
    with contextlib.suppress(OSError):
        log.close()
    for size in range(len(octets) + 1):
        path.write_bytes(octets[:size])
        again = File(str(path), gzip=gzip)
        again.take(b"next.")
        again.write()
        again.close()
        found = path.read_bytes()
        if gzip:
            text = b""
            while found:
                unpack = zlib.decompressobj(31)
                text += unpack.decompress(found)
                found = unpack.unused_data
            found = text
        assert found.endswith(b"next.")
        assert b"frame 0.frame 1.frame 2.frame 3.".startswith(found[:-5])
        assert len(found) - 5 >= 8 * (size * 4 // len(octets)) - 16 or gzip
