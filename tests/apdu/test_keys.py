"""Key files and counters files."""

import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.apdu.counters import MOST, CounterFile, Counters
from hanpipe.apdu.keys import ANY, KeyFileError, Keys, Line, find_key_file, read_key_file

TITLE = bytes.fromhex("4b414d4500000001")
OTHER = bytes.fromhex("4b414d4500000002")
KEY, LONG, AUTHENTICATION = bytes(range(16)), bytes(range(32)), bytes(range(16, 32))


@pytest.fixture
def key_file(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "keys.txt"
        path.write_bytes(text.encode())
        path.chmod(mode)
        return str(path)

    return write


def test_lines(key_file):
    text = f"# my meters\n\n{TITLE.hex()} {KEY.hex().upper()} {AUTHENTICATION.hex()} # house\r\n* {LONG.hex()}\n"
    keys, exposed = read_key_file(key_file("\ufeff" + text))
    assert keys.candidates(TITLE) == [Line(TITLE, KEY, AUTHENTICATION)]
    assert keys.candidates(OTHER) == [Line(OTHER, LONG, b"")]
    assert not exposed


def test_what_carries_no_title_tries_each_titled_line():
    lines = [Line(TITLE, KEY, b""), Line(ANY, LONG, b""), Line(OTHER, KEY, b"")]
    assert Keys(lines).candidates(b"") == [lines[0], lines[2]]
    assert Keys().candidates(TITLE) == []


def test_keys_that_everybody_may_read_are_told(key_file):
    assert read_key_file(key_file(f"* {KEY.hex()}\n", 0o644))[1]
    assert not read_key_file(key_file(f"* {KEY.hex()}\n", 0o640))[1]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"* {KEY.hex()[:30]}", "a key has 32 or 64 hex digits, this one 30"),
        (f"* {KEY.hex()} {KEY.hex()}0", "an authentication key has 32 or 64 hex digits, this one 33"),
        (f"4b414d {KEY.hex()}", "a system title has 16 hex digits, this one 6"),
        ("* geheim-geheim-geheim-geheim-gehe", "a key is written in hex digits"),
        ("*", "a line is SYSTEM-TITLE KEY [AUTHENTICATION-KEY], this one has 1 words"),
        (f"* {KEY.hex()} {KEY.hex()} x", "a line is SYSTEM-TITLE KEY [AUTHENTICATION-KEY], this one has 4 words"),
    ],
)
def test_a_wrong_line_is_named_without_its_key(key_file, line, what):
    path = key_file(f"# one\n\n{line}\n")
    with pytest.raises(KeyFileError) as wrong:
        read_key_file(path)
    assert str(wrong.value) == f"{path}:3: {what}"


@given(st.binary(max_size=80))
def test_any_file_is_read_or_wrong(tmp_path_factory, octets):
    path = tmp_path_factory.getbasetemp() / "any-keys.txt"
    path.write_bytes(octets)
    with contextlib.suppress(KeyFileError):
        read_key_file(str(path))
    assert CounterFile(str(path)).torn <= octets.count(b"\n") + octets.count(b"\r") + 1


def test_where_the_key_file_is(tmp_path):
    (tmp_path / "han-keys").write_text("")
    credentials = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert find_key_file({}) is None
    assert find_key_file(credentials) == f"{tmp_path}/han-keys"
    assert find_key_file(credentials | {"HANPIPE_KEY_FILE": "my keys"}) == "my keys"
    assert find_key_file({"CREDENTIALS_DIRECTORY": f"{tmp_path}/none"}) is None


@given(st.lists(st.tuples(st.sampled_from([TITLE, OTHER]), st.integers(0, 2**32 - 1))))
def test_counters_only_rise(sent):
    counters, highest = Counters(), {}
    for title, counter in sent:
        before = highest.get(title, -1)
        expected = "" if counter > before else "repeated" if counter == before else "back"
        assert counters.check(title, counter) == expected
        highest[title] = max(before, counter)
    assert counters.highest == highest


def test_counters_are_bounded():
    counters = Counters()
    for number in range(5000):
        counters.check(number.to_bytes(8, "big"), 1)
    assert len(counters.highest) == MOST == 4096


@given(st.dictionaries(st.binary(min_size=8, max_size=8), st.integers(0, 2**32 - 1), max_size=5))
def test_counters_come_back(tmp_path_factory, sent):
    path = str(tmp_path_factory.getbasetemp() / "counters")
    if os.path.exists(path):
        os.unlink(path)
    file = CounterFile(path)
    for title, counter in sent.items():
        file.check(title, counter)
    file.save()
    again = CounterFile(path)
    assert (again.highest, again.torn) == (sent, 0)


def test_a_torn_file_costs_only_what_is_torn(tmp_path):
    path = tmp_path / "counters"
    path.write_bytes(b"%s 17\n\0\0\xff\n4b41 5\n%s 52" % (TITLE.hex().encode(), OTHER.hex().encode()))
    counters = CounterFile(str(path))
    assert (counters.highest, counters.torn) == ({TITLE: 17}, 3)
    assert counters.check(OTHER, 5273) == ""
    counters.save()
    assert CounterFile(str(path)).highest == {TITLE: 17, OTHER: 5273}
    assert os.listdir(tmp_path) == ["counters"]


def test_what_has_not_changed_is_not_written(tmp_path):
    path = tmp_path / "counters"
    counters = CounterFile(str(path))
    counters.check(TITLE, 5)
    counters.save()
    before = path.stat().st_ino
    counters.check(TITLE, 5)
    counters.save()
    assert path.stat().st_ino == before
