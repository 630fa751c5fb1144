"""Key files and counters files."""

import base64
import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.apdu.ciphering import name_title
from hanpipe.apdu.counters import MOST, CounterFile, Counters
from hanpipe.apdu.keys import ANY, KeyFileError, Keys, Line, find_key_file, read_key_file, read_line

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


def groups(octets, size, before="", between=" "):
    return between.join(before + octets[at : at + size].hex() for at in range(0, len(octets), size))


FORMS = {
    "plain": lambda octets: octets.hex(),
    "upper case": lambda octets: octets.hex().upper(),
    "0x": lambda octets: "0x" + octets.hex(),
    "spaces": lambda octets: groups(octets, 1),
    "words": lambda octets: groups(octets, 4),
    "halves": lambda octets: groups(octets, 8),
    "dashes": lambda octets: groups(octets, 1, between="-"),
    "colons": lambda octets: groups(octets, 2, between=":"),
    "C array": lambda octets: "{" + groups(octets, 1, "0x", ", ") + "}",
    "quotes": lambda octets: f'"{octets.hex()}"',
}
BASE64 = {"base64": lambda octets: base64.b64encode(octets).decode()}
sixteen = st.binary(min_size=16, max_size=16)
eight = st.binary(min_size=8, max_size=8)


@given(st.none() | eight, sixteen, st.just(b"") | sixteen, st.data())
def test_keys_are_read_as_people_paste_them(title, key, authentication, data):
    form = data.draw(st.sampled_from(sorted(FORMS)))
    key_form = data.draw(st.sampled_from([form, "plain", "base64"]))
    write, write_key = FORMS[form], (FORMS | BASE64)[key_form]
    words = ["*" if title is None else write(title), *map(write_key, filter(None, (key, authentication)))]
    assert read_line(" ".join(words)) == Line(title or ANY, key, authentication)


@given(sixteen, st.just(b"") | sixteen, st.sampled_from(sorted(FORMS | BASE64)))
def test_a_line_without_a_title_is_for_any(key, authentication, form):
    write = (FORMS | BASE64)[form]
    assert read_line(f"{write(key)} {write(authentication) if authentication else ''}") == Line(
        ANY, key, authentication
    )


@given(eight, st.binary(min_size=32, max_size=32), sixteen)
def test_a_key_of_32_octets_is_written_without_spaces(title, key, authentication):
    for form in ("plain", "0x", "dashes", "base64"):
        write = (FORMS | BASE64)[form]
        assert read_line(f"{title.hex()} {write(key)} {authentication.hex()}") == Line(title, key, authentication)


def test_a_title_may_be_written_as_messages_show_it():
    assert read_line(f"{name_title(TITLE)} {KEY.hex()}") == Line(TITLE, KEY, b"")


FORM = "a line is SYSTEM-TITLE KEY [AUTHENTICATION-KEY], this one has"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"* {KEY.hex()[:30]}", "a title has 16 hex digits, a key 32 or 64; here are 30"),
        (f"* {KEY.hex()} {KEY.hex()}0", "two hex digits make an octet; here are 33"),
        (f"4b414d {KEY.hex()}", "a title has 16 hex digits, a key 32 or 64; here are 6"),
        (f"* {KEY.hex()} {TITLE.hex()}", "a title has 16 hex digits, a key 32 or 64; here are 16"),
        ("* geheim-geheim", "a title or key is written in hex digits or base64; here are other characters"),
        ("* 0x", "a title or key is written in hex digits or base64; here are other characters"),
        ("*", f"{FORM} 0 keys"),
        (TITLE.hex(), f"{FORM} 0 keys"),
        (f"* {KEY.hex()} {KEY.hex()} {KEY.hex()}", f"{FORM} 3 keys"),
        (f"{KEY.hex()} *", f"{FORM} 2 keys"),
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
    for number in range(MOST + 1000):
        counters.check(number.to_bytes(8, "big"), 1)
    assert len(counters.highest) == MOST == 65536


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
